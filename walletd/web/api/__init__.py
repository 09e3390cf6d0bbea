"""The JSON API under `/api/v1`: one module per noun, each route described by an `Endpoint` beside it."""
