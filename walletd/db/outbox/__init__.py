"""The outbox: jobs, mail, webhooks and tills, from the change that wants them until they are done."""
