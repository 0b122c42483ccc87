"""The calls of programming languages that delete, run, open or connect, as patterns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """Patterns for one language; each ends where the arguments of the call begin."""

    deletes: str = ""
    deletes_trees: str = ""
    spawns: str = ""
    opaque: str = ""
    decodes: str = ""
    kills: str = ""
    opens: str = ""
    writes: str = ""
    moves: str = ""
    connects: str = ""
    ticks: str = ""
    fills: str = ""
    shell_lines: str = ""


_PYTHON = Language(
    deletes=(
        r"\b(?:os|posix|nt)\.(?:remove|unlink|removedirs|rmdir|truncate|ftruncate)\b|\.(?:unlink|rmdir"
        r"|truncate)\b"
        r"|\bimport\s+(?:remove|unlink|removedirs|rmdir)\b|(?<![\w.])(?:unlink|rmtree"
        r"|removedirs)\b(?=\s*\()|\bsend2trash\b|\.write_(?:text|bytes)\b(?=\(\s*b?(?:''|\"\")\s*\))"
    ),
    deletes_trees=r"\brmtree\b|\bremove_tree\b",
    spawns=(
        r"\bos\.(?:system|popen|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?)\b(?:\s*\()?"
        r"|\bsubprocess\.(?:run|call|Popen|check_call|check_output|getoutput|getstatusoutput)\b(?:\s*\()?"
        r"|\bpty\.spawn\b|\bcommands\.getoutput\b|\bpexpect\.(?:run|spawn)\b|\bsh\.\w+(?=\()"
        r"|(?<![\w.])(?:system|popen|Popen|check_output|check_call|getoutput|execvp|execv)\b(?=\s*\()"
        r"|\bcreate_subprocess_(?:shell|exec)\b(?:\s*\()?"
    ),
    opaque=(
        r"(?<![\w.])(?:exec|eval|execfile)\s*\(|=\s*(?:exec|eval)\b|\bFunctionType\b|__import__\s*\((?!\s*['\"]\w+['\"]\s*\))"
        r"|\bimportlib\.(?!(?:metadata|resources)\b|util\.find_spec\b|import_module\(\s*['\"](?!(?:os|shutil"
        r"|subprocess|sys|builtins|posix|pty|ctypes|socket)\b)[\w.]+['\"]\s*\))\w"
        r"|\bimport\s+importlib\s+as\b|\bfrom\s+importlib\s+import\s+(?!metadata\b|resources\b)"
        r"|\bimportlib\s*[,)\]]|\bctypes\b"
        r"|\bmarshal\b|\bpickle\.loads?|getattr\s*\(\s*(?:__import__|os|shutil|subprocess"
        r"|builtins|__builtins__)"
        r"|sys\.modules|__builtins__|__subclasses__|globals\(\)\[|\brunpy\.|\bfrom\s+runpy\b|\bimport\s+runpy\s+as\b"
        r"|from\s+os\s+import\s+\*"
        r"|\bimport\s+(?:os|shutil|subprocess)\s+as\s+\w+|from\s+(?:os|shutil"
        r"|subprocess)\s+import\s+\w+\s+as\b"
        r"|vars\(\w+\)\[|\.__dict__\[|operator\.(?:methodcaller|attrgetter)|\bos\.fork\b|_winreg|\bcffi\b"
        r"|mmap\.mmap"
    ),
    decodes=r"b64decode|fromhex|codecs\.decode|zlib\.decompress|\bunpackb\b|unhexlify|\brot13\b",
    kills=r"\bos\.(?:kill|killpg|setuid|chroot|mount)\b|\bpsutil\b.*\.(?:kill|terminate)\b|\.reboot\(",
    opens=(
        r"(?<![\w.])open\b|\bio\.open\b|\bcodecs\.open\b|\bos\.open\b|\bPath\b(?=\([^)]*\)\.(?:read|open))"
        r"|gzip\.open"
    ),
    writes=r"\bPath\b(?=\([^()]*\)\.(?:write_text|write_bytes|touch|mkdir|symlink_to|chmod))",
    moves=(
        r"\bos\.(?:rename|renames|replace|link|symlink)\b|\bshutil\.(?:move)\b"
        r"|\bPath\b(?=\([^()]*\)\.(?:rename|replace)\()"
    ),
    connects=(
        r"\b(?:urllib|urlopen|requests|httpx|http\.client|socket|aiohttp|smtplib|ftplib|paramiko"
        r"|websockets?|telnetlib)\b"
    ),
    fills=(
        r"\.(?:write|writelines|dump|writerow|writerows|save|to_\w+|truncate|copyfileobj|safe_dump|dump_all"
        r"|writestr|tofile)\b|file\s*="
    ),
    shell_lines=r"^\s*(?:!|%sx |%system |%%bash)(.*)",
)

_NODE = Language(
    deletes=(
        r"\b(?:unlink|unlinkSync|rmdir|truncate|truncateSync|ftruncate|ftruncateSync|rmdirSync|removeFile)\b"
        r"|\b(?:Deno|Bun)\.(?:truncate|truncateSync)\b"
    ),
    deletes_trees=(
        r"\b(?:rm|rmSync|rimraf|removeSync|emptyDirSync|emptyDir|remove|del)\b(?=\s*\()|\bDeno\.remove\w*"
        r"|\[\s*['\"](?:rm|rmSync|unlink|unlinkSync|rmdirSync)['\"]\s*\]"
    ),
    spawns=(
        r"\b(?:exec|execSync|execFile|execFileSync|spawn|spawnSync|fork)\b(?=\s*\()(?:\s*\()?"
        r"|\bBun\.(?:spawn|spawnSync|\$)|\bnew\s+Deno\.Command\b|\bexeca(?:Sync|Command|CommandSync)?\b"
        r"|\bshelljs\b|\$(?=`)"
        r"|\bDeno\.run\b"
    ),
    opaque=(
        r"\beval\s*\(|\bFunction\s*\(|\bnew\s+Function\b|\bvm\b\.\w+|process\.binding"
        r"|require\s*\(\s*(?!['\"`])|require\(['\"](?:child_)['\"]"
        r"|\{\s*\w+\s*:\s*\w+\s*\}\s*=\s*(?:await\s+)?(?:require|import)"
        r"\s*\(\s*['\"`](?:node:)?(?:child_process|fs)|import\s*\{\s*\w+\s+as\b|process\.dlopen"
        r"|constructor\s*\(|\bchild_process['\"]\)\s*\[|\bWorker\s*\(|import\s*\(\s*(?!['\"`])"
        r"|\bfs['\"]\)\s*\[|process\.mainModule"
    ),
    decodes=r"Buffer\.from\([^)]*(?:base64|hex)|\batob\s*\(|String\.fromCharCode",
    kills=r"process\.kill\s*\(",
    opens=r"\b(?:readFile|readFileSync|createReadStream|openSync|open)\b(?=\s*\()",
    writes=(
        r"\b(?:writeFile|writeFileSync|createWriteStream|appendFile|appendFileSync|writeTextFile\w*"
        r"|outputFile\w*|symlinkSync|chmodSync)\b(?=\s*\()"
    ),
    moves=r"\b(?:rename|renameSync|moveSync|cpSync)\b(?=\s*\()",
    connects=(
        r"\b(?:fetch|axios|got|superagent|XMLHttpRequest|WebSocket)\b\s*\(|['\"](?:node:)?(?:https?|net"
        r"|dgram|tls|ws)['\"]|\bundici\b"
    ),
)

_PERL = Language(
    deletes=r"\bunlink\b|\brmdir\b|\btruncate\b",
    deletes_trees=r"\b(?:rmtree|remove_tree|pathrmdir|fremove|dirmove)\b",
    spawns=r"\b(?:system|exec|popen)\b\s*\(?|\bqx\b|open\s*\(?\s*[^;]{0,200}?(?=['\"]\s*\|)|\bIPC::\w+",
    opaque=(
        r"\beval\b\s*[^{\s]|unpack\s*\(?\s*['\"][uHh]|decode_base64|\bdo\s+['\"$]|\bsyscall\b"
        r"|pack\s*\(?\s*['\"][Hh]|->\$|&\{"
    ),
    kills=r"\bkill\b",
    opens=r"\bopen\b|\bsysopen\b",
    moves=r"\brename\b|\bmove\b(?=\s*\()|\blink\b|\bsymlink\b",
    connects=r"\b(?:IO::Socket|LWP|HTTP::Tiny|Net::|socket|WWW::)\b",
    ticks=r"(?<![\w$\\'\"])`([^`]+)`|\bqx[{(/]([^})/]*)",
    fills=r"\b(?:print|printf|say|syswrite|write)\b",
)

_RUBY = Language(
    deletes=r"\b(?:File|FileUtils|Dir|Pathname)\b[^;\n]{0,40}?\.?(?:delete|unlink|rmdir|truncate|safe_unlink)\b",
    deletes_trees=r"\b(?:rm_rf|rm_r|rmtree|remove_dir|remove_entry\w*|remove_file|rm_f|rm)\b",
    spawns=(
        r"(?<![\w.'\"])(?:system|exec|spawn|popen|capture2e?|capture3|pipeline)\b\s*\(?|\b(?:IO|Open3|PTY"
        r"|Kernel)\.\w+\s*\(?"
    ),
    opaque=(
        r"\b(?:eval|instance_eval|class_eval|module_eval|send|public_send|__send__|unpack1?|decode64"
        r"|load)\b\s*\(?\s*[^,\s)]"
    ),
    kills=r"\bProcess\.(?:kill|daemon)\b",
    opens=(
        r"\bFile\.(?:open|new|read|readlines|foreach|binread)\b|\bIO\.(?:read|write)\b"
        r"|(?<![\w.])open\b(?=\s*\()"
    ),
    writes=r"\bFile\.(?:write|binwrite)\b|\bIO\.write\b|\bFileUtils\.(?:touch|cp|ln_s|chmod)\b",
    moves=r"\bFile\.rename\b|\bFileUtils\.(?:mv|move)\b",
    connects=r"\b(?:Net::|TCPSocket|UNIXSocket|open-uri|URI\.open|Socket|Faraday|HTTParty|RestClient)",
    ticks=r"(?<![\w$\\'\"])`([^`]+)`|%x[{(\[/]([^})\]/]*)",
    fills=r"\b(?:write|puts|print|<<|dump)\b",
)

_PHP = Language(
    deletes=r"\b(?:unlink|rmdir|ftruncate)\b",
    spawns=r"\b(?:system|exec|shell_exec|passthru|proc_open|popen|pcntl_exec)\b\s*\(",
    opaque=(
        r"\b(?:eval|assert|create_function|base64_decode|call_user_func\w*|gzinflate|str_rot13)\b"
        r"|\$\w+\s*\(|include|require\b|unserialize"
    ),
    kills=r"\bposix_kill\b",
    opens=r"\b(?:fopen|file_get_contents|readfile|file)\b(?=\s*\()",
    writes=r"\b(?:file_put_contents|touch|copy|symlink|chmod)\b(?=\s*\()",
    moves=r"\brename\b",
    connects=r"\b(?:curl_init|fsockopen|stream_socket_client|SoapClient)\b",
    ticks=r"(?<![\w$\\'\"])`([^`]+)`",
)

_OTHER = Language(
    opaque=(
        r"(?i)(?:\b|_)(?:rm|rmdir|rmtree|unlink|delete\w*|remove\w*|erase|exec\w*|system\w*|shell\w*"
        r"|spawn\w*|process\w*"
        r"|socket\w*|connect\w*|eval\w*|https?|download\w*|invoke\w*|iex|iwr|curl|wget|popen|fork|kill\w*"
        r"|truncate|load\w*string"
        r"|format-volume|clear-content|set-content|out-file|del|rd|ri|rename\w*|dofile|callcommand"
        r"|readprocess)(?:\b|_|!)"
        r"|removeDirectory|Remove-Item|%x|os:cmd|do shell script|file:delete|rm_rf|call-process"
        r"|delete-directory|shell-command"
    ),
    kills=r"\bos\.exit_process\b",
)

LANGUAGES: dict[str, Language] = {
    "python": _PYTHON,
    "node": _NODE,
    "perl": _PERL,
    "ruby": _RUBY,
    "php": _PHP,
    "other": _OTHER,
}
