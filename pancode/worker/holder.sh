# Holds a worker's pane; run as `sh holder.sh FIFO`. The worker was forked by the fork server, not started by tmux, so
# this lives as long as the worker has the FIFO open, ends with its status, and tells it of the pane's new sizes.
trap '' INT QUIT TSTP TTIN TTOU
exec 3<"$1"
read -r worker <&3 || exit 70
trap 'kill -s WINCH "$worker"; again=yes' WINCH
# For a change of size from before the trap.
kill -s WINCH "$worker"
status=70 again=yes
while [ "$again" ]; do
  # Some shells come back from `read` after a signal, with nothing and no word why.
  again=
  read -r told <&3 && status=$told
done
exit "$status"
