"""People sign in with the organisation's OpenID Connect provider. Programs go on using tokens.

The authorization code flow with PKCE. Whoever has signed in holds a session: a token of the catalog that reads, for
some hours, in a cookie that no script sees and that no writing request is let in by.
https://openid.net/specs/openid-connect-core-1_0.html
"""
