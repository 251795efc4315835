"""Stack programs, a folder a target, and the one program that runs whichever the stack asks for."""
