"""A world to rehearse in: every outside service in one process, with scripted faults."""
