"""`python -m aimlapi_integrations` runs the command `aimlapi`."""

import sys

from .cli.main import main

sys.exit(main())
