"""What a test does to a server of "larder dev" that no client of AWS can."""

import json
import urllib.request
from urllib.error import HTTPError


class Larder:
    def __init__(self, url):
        self.url = url

    def ask(self, method, path, body=None):
        """Sends a request beneath /_larder/ and returns the answer."""
        request = urllib.request.Request(
            f"{self.url}/_larder/{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except HTTPError as e:
            raise RuntimeError(f"{method} {path}: {e.read().decode()}") from None

    def idle(self):
        """Waits until nothing more can be done now: what is left waits for a time, a report or a rule."""
        if not self.ask("GET", "idle")["idle"]:
            raise TimeoutError("there is still something to do")

    def reset(self):
        self.ask("POST", "reset")

    def snapshot(self, name):
        self.ask("PUT", f"snapshots/{name}")

    def restore(self, name):
        self.ask("POST", f"snapshots/{name}/restore")

    def rule(self, match, **effect):
        """Adds a rule: fail="message", delay="90s" or hang=True; action="DELETE", count=1."""
        self.ask("POST", "rules", {"rules": [{"match": match, **effect}]})

    def forget_rules(self):
        self.ask("DELETE", "rules")

    def advance(self, duration):
        """Moves the clock, and waits for what was due by then."""
        self.ask("POST", "clock", {"advance": duration})
        self.idle()

    def called(self, service):
        """The operations of a service that succeeded at least once."""
        calls = self.ask("GET", "calls")["calls"]
        return {c["operation"] for c in calls if c["service"] == service and c["outcome"] == "Success"}
