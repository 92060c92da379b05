"""One suite for two ports of the API: the world's fake, and the shipped adapter on a real socket.

The world (`hakeeper.simulate`) proves things about the core by millions of calls that no socket
ever saw. What it proves is true only as far as its port says what the shipped one would say. So
each story here is told once, in the words of the core, and both ports must tell it alike.
"""
