"""`python -m pancode` is `pancode`."""

import sys

from pancode.entry import main

sys.exit(main())
