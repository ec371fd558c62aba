"""People follow products: what has changed is sent by mail or to a webhook, by a command that the operator runs."""
