"""A server of a script's own, and somebody whom it tells what happens."""

import hashlib
import hmac
import http.server
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
import urllib.request

import boto3
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
PATIENCE = 60  # seconds until what is waited for is given up


class Server:
    """larder dev, with settings from a file, as long as the context lasts."""

    def __init__(self, *args, **settings):
        self.dir = tempfile.mkdtemp()
        self.args = args
        self.settings = settings

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        config, ready = (os.path.join(self.dir, n) for n in ("settings.yaml", "ready"))
        with open(config, "w") as f:
            json.dump({k.replace("_", "-"): v for k, v in self.settings.items()}, f)
        if not os.path.exists(ready):
            os.mkfifo(ready)
        self.process = subprocess.Popen(
            ["larder", "dev", "--listen", "127.0.0.1:0", "--ready-file", ready, "--config-file", config, *self.args],
            env={**os.environ, "LARDER_LOG_LEVEL": "warn"},
        )

        def unblock():
            if self.process.wait() is not None:
                os.close(os.open(ready, os.O_RDWR | os.O_NONBLOCK))

        # Its end ends the wait below, too.
        threading.Thread(target=unblock, daemon=True).start()
        with open(ready) as f:
            self.url = f.read().strip()
        assert self.url, "larder did not serve"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def client(self, service="servicecatalog"):
        return boto3.client(
            service, endpoint_url=self.url, region_name="us-east-1",
            aws_access_key_id=ACCOUNT, aws_secret_access_key="any",
        )

    def get(self, path):
        with urllib.request.urlopen(self.url + path) as r:
            assert r.headers["Content-Type"] == "application/json"
            return json.load(r)

    def post(self, path, body):
        r = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(r) as r:
            return json.load(r)

    def larder(self, *args):
        """Runs a command of larder's against the server."""
        env = {**os.environ, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}
        done = subprocess.run(["larder", *args, "--endpoint", self.url], env=env, capture_output=True, text=True, check=True)
        return done.stdout


class Listener:
    """Takes what is posted. judge says with which status, 200 without it."""

    def __init__(self, judge=None):
        outer = self
        self.heard = queue.Queue()  # (path, headers, body), what was taken
        self.judge = judge

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = outer.judge(self.path, self.headers, body) if outer.judge else 200
                status, text = answer if isinstance(answer, tuple) else (answer, b"{}")
                if status == 200:
                    outer.heard.put((self.path, self.headers, body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def next(self):
        return self.heard.get(timeout=PATIENCE)


def verify(headers, body, secret):
    want = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Larder-Signature"] == want, headers


def until(look, good):
    """Looks until what is seen is good."""
    end = time.monotonic() + PATIENCE
    while True:
        seen = look()
        if good(seen):
            return seen
        assert time.monotonic() < end, seen
        time.sleep(0.02)


def ended(sc, record):
    return until(lambda: sc.describe_record(Id=record), lambda r: r["RecordDetail"]["Status"] in ("SUCCEEDED", "FAILED"))


def refused(code, words, call, **args):
    try:
        call(**args)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code and words in e.response["Error"]["Message"], e
        return
    raise AssertionError(f"{call} was not refused")


def publish(sc, product_type, url, role="arn:aws:iam::123456789012:role/launch"):
    """Publishes a product to everybody who asks; answers portfolio and product."""
    port = sc.create_portfolio(DisplayName="Platform", ProviderName="us")["PortfolioDetail"]["Id"]
    product = sc.create_product(
        Name="bucket", Owner="us", ProductType=product_type,
        ProvisioningArtifactParameters={"Name": "v1", "Type": product_type, "Info": {"LoadTemplateFromURL": url}},
    )["ProductViewDetail"]["ProductViewSummary"]["ProductId"]
    sc.associate_product_with_portfolio(PortfolioId=port, ProductId=product)
    sc.associate_principal_with_portfolio(PortfolioId=port, PrincipalType="IAM", PrincipalARN=f"arn:aws:iam::{ACCOUNT}:user/{ACCOUNT}")
    if role:
        sc.create_constraint(PortfolioId=port, ProductId=product, Type="LAUNCH", Parameters=json.dumps({"RoleArn": role}))
    return port, product
