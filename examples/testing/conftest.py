"""Fixtures: one server for all tests, which finds each one the same catalog."""

import pathlib
import subprocess
import time

import boto3
import pytest

from testmode import Larder

here = pathlib.Path(__file__).parent


@pytest.fixture(scope="session")
def larder(tmp_path_factory):
    ready = tmp_path_factory.mktemp("larder") / "url"
    server = subprocess.Popen([
        "larder", "dev", "--listen", "127.0.0.1:0", "--ready-file", ready, "--template-root", here, "--log-level", "error",
    ])
    try:
        while not ready.exists():
            assert server.poll() is None, "the server did not start"
            time.sleep(0.01)
        yield Larder(ready.read_text().strip())
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def client(larder):
    def make(service):
        return boto3.client(
            service, endpoint_url=larder.url, region_name="us-east-1",
            aws_access_key_id="ci", aws_secret_access_key="any",
        )
    return make


@pytest.fixture(scope="session")
def product(larder, client):
    """A product that everybody may launch, kept for all tests."""
    sc = client("servicecatalog")
    portfolio = sc.create_portfolio(DisplayName="Tests", ProviderName="us")["PortfolioDetail"]["Id"]
    product = sc.create_product(
        Name="topic", Owner="us", ProductType="CLOUD_FORMATION_TEMPLATE",
        ProvisioningArtifactParameters={
            "Name": "v1", "Type": "CLOUD_FORMATION_TEMPLATE",
            "Info": {"LoadTemplateFromURL": (here / "topic.yaml").as_uri()},
        },
    )["ProductViewDetail"]["ProductViewSummary"]["ProductId"]
    sc.associate_product_with_portfolio(PortfolioId=portfolio, ProductId=product)
    sc.associate_principal_with_portfolio(
        PortfolioId=portfolio, PrincipalType="IAM", PrincipalARN=client("sts").get_caller_identity()["Arn"],
    )
    larder.snapshot("catalog")
    return product


@pytest.fixture(autouse=True)
def fresh(larder, product):
    """Rows, rules and clock are the same at the begin of each test."""
    larder.restore("catalog")


@pytest.fixture(scope="session", autouse=True)
def coverage(larder, client):
    """Says after all tests which operations none of them has called."""
    yield
    model = client("servicecatalog").meta.service_model
    missed = sorted(set(model.operation_names) - larder.called("servicecatalog"))
    print(f"\n{len(missed)} of {len(model.operation_names)} operations were not called: {', '.join(missed)}")
