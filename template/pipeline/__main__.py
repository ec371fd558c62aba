"""`python -m pipeline`: ingest, transform, verify the contract, publish to every output port."""

from __future__ import annotations

import sys

from pipeline.run import main

sys.exit(main())
