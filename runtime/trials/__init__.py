"""Who is shown what while Vigil is being tried: phases of an EHR, and the arms of a trial."""
