"""JT/T 808, the protocol of Chinese vehicle terminals (2011, 2013 and 2019): bytes in, messages out, and back."""
