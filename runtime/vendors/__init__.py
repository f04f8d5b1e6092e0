"""The vendors whose EHRs call Vigil: what each client does differently."""
