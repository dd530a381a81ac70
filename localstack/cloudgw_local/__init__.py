"""Local clouds: protocol-level stand-ins that refuse what the real clouds refuse.

Test suites start them, drive them with unmodified vendor clients and read what happened through one
control API. They are written from vendor documents and published models only. This package must never
import the product it tests, and importing it must stay cheap: a cloud loads what it needs when it serves.
"""
