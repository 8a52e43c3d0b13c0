"""
Superpixels: the sediment of a section, split into small parts of one colour each.

``settings`` says how, ``stream`` does it. Only ``stream`` and what stands beneath it load
the compiler of the kernels, so whoever wants no superpixels pays nothing for them.
"""
