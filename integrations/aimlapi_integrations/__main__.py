"""`python -m aimlapi_integrations`: the same as the command `aimlapi`."""

import sys

from .cli.main import main

sys.exit(main())
