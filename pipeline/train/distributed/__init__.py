"""Training in several processes: launch, DDP, FSDP2, collectives."""
