"""What a machine and its user have set for every program: home directories, API keys, proxies, certificates.

It is read here only, and by the rules of `curl` and `requests`.
"""
