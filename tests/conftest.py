"""What holds for every test."""

import signal

# a job in the background of a plain shell ignores Ctrl-C, and so would every child that a test interrupts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
