"""What Vigil did, as durable records that can be proved."""
