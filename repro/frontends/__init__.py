"""What does a network see of a waveform?

Spectrograms, phases and raw samples, batched, on the device of the audio.

Imports: nothing.
"""
