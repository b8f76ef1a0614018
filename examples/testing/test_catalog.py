"""Tests of a program that launches products; here it is boto3 itself."""

import pytest


@pytest.fixture
def launch(client, product, larder):
    """Launches the product and returns what has become of it."""
    sc = client("servicecatalog")

    def launch(name):
        sc.provision_product(ProductId=product, ProvisioningArtifactName="v1", ProvisionedProductName=name)
        larder.idle()
        return sc.describe_provisioned_product(Name=name)["ProvisionedProductDetail"]

    return launch


def test_launch(launch):
    assert launch("mine")["Status"] == "AVAILABLE"


def test_each_test_begins_anew(launch):
    assert launch("mine")["Status"] == "AVAILABLE"  # the name is free again


def test_resource_that_fails(launch, larder):
    larder.rule({"type": "AWS::SNS::Topic"}, fail="Topic quota exceeded")
    failed = launch("mine")
    assert failed["Status"] == "ERROR"
    assert "Topic quota exceeded" in failed["StatusMessage"]


def test_failure_that_passes(launch, larder):
    larder.rule({"type": "AWS::SNS::Topic"}, fail="Internal failure", count=1)
    assert launch("first")["Status"] == "ERROR"
    assert launch("second")["Status"] == "AVAILABLE"


def test_resource_that_takes_an_hour(launch, client, larder):
    larder.rule({"logicalId": "Topic"}, delay="1h")
    assert launch("mine")["Status"] == "UNDER_CHANGE"
    larder.advance("61m")
    assert client("servicecatalog").describe_provisioned_product(Name="mine")["ProvisionedProductDetail"]["Status"] == "AVAILABLE"


def test_operation_that_never_ends(launch, client, product, larder):
    larder.rule({"operation": "ProvisionProduct", "product": product}, hang=True)
    record = launch("mine")["LastRecordId"]
    larder.advance("25h")  # past the deadline of an operation
    record = client("servicecatalog").describe_record(Id=record)["RecordDetail"]
    assert record["Status"] == "FAILED"
    assert "deadline" in record["RecordErrors"][0]["Description"]


def test_operation_that_is_let_go(launch, client, larder):
    larder.rule({"operation": "*", "name": "mine"}, hang=True)
    assert launch("mine")["Status"] == "UNDER_CHANGE"
    larder.forget_rules()
    larder.idle()
    assert client("servicecatalog").describe_provisioned_product(Name="mine")["ProvisionedProductDetail"]["Status"] == "AVAILABLE"
