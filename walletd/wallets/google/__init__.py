"""Google Wallet, a sealed room: nobody outside of `bootstrap` knows what is in it.

What stands here so far is the proof of Google's callbacks; documents, client and delivery are still to come.
"""
