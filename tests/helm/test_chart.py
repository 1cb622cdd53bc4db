"""The chart: linted, rendered with each file of ci/, held against Kubernetes' schemas, and asked what it should say."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path

import helm_python
import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as prometheus

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/colloquy"
VARIANTS = sorted(CHART.glob("ci/*-values.yaml"))
# The oldest that Chart.yaml allows, and the newest that has a schema.
KUBERNETES = ["1.30", "1.37"]
# Kinds that Kubernetes itself does not have.
CUSTOM = {
    "ScaledObject": keda.ScaledObject,
    "TriggerAuthentication": keda.TriggerAuthentication,
    "ServiceMonitor": prometheus.ServiceMonitor,
    "PrometheusRule": prometheus.PrometheusRule,
}
WORKLOADS = ["gateway", "intake", "processor"]


@cache
def render(variant: str) -> tuple[dict, ...]:
    return objects(yaml.safe_load((CHART / f"ci/{variant}-values.yaml").read_text()))


def objects(values: dict) -> tuple[dict, ...]:
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        files = chart.render(values, name="release", namespace="chats")
    documents = [
        document
        for name, text in files.items()
        if not name.endswith("NOTES.txt")
        for document in yaml.safe_load_all(text)
        if document
    ]
    return tuple(documents)


def only(found: tuple[dict, ...], kind: str, name: str) -> dict:
    [one] = [one for one in found if one["kind"] == kind and one["metadata"]["name"].endswith(name)]
    return one


def kinds(found: tuple[dict, ...]) -> set[str]:
    return {one["kind"] for one in found}


def container(deployment: dict) -> dict:
    [one] = deployment["spec"]["template"]["spec"]["containers"]
    return one


def environment(deployment: dict) -> dict[str, dict]:
    return {variable["name"]: variable for variable in container(deployment)["env"]}


def config(found: tuple[dict, ...]) -> dict:
    [one] = [one for one in found if "colloquy.toml" in one.get("data", {})]
    return tomllib.loads(one["data"]["colloquy.toml"])


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda path: path.stem)
def test_lint_finds_nothing(variant):
    values = yaml.safe_load(variant.read_text())
    report = helm_python.lint(CHART, values, strict=True)
    # Severity 2 and above; the one piece of information is that the chart has no icon.
    assert [message for message in report["messages"] if message["severity"] >= 2] == []


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda path: path.stem)
def test_every_object_is_valid(variant, kubernetes):
    found = render(variant.stem.removesuffix("-values"))
    assert len(found) > 5
    for one in found:
        if one["kind"] in CUSTOM:
            CUSTOM[one["kind"]].model_validate(one, extra="forbid")
        else:
            kubernetes_validate.validate(one, kubernetes, strict=True)


def test_schemas_do_refuse():
    deployment = dict(only(render("minimal"), "Deployment", "gateway"))
    deployment["spec"] = {**deployment["spec"], "replica": 3}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, KUBERNETES[-1], strict=True)
    scaled = dict(only(render("autoscaling"), "ScaledObject", "processor"))
    scaled["spec"] = {**scaled["spec"], "maxReplicas": 3}
    with pytest.raises(ValueError):
        keda.ScaledObject.model_validate(scaled, extra="forbid")


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda path: path.stem)
def test_the_services_take_the_configuration(variant, tmp_path):
    found = render(variant.stem.removesuffix("-values"))
    [text] = [one["data"]["colloquy.toml"] for one in found if "colloquy.toml" in one.get("data", {})]
    # What a secret would say, where files are mounted.
    file = tmp_path / "colloquy.toml"
    file.write_text(text)
    for service in WORKLOADS:
        program = ROOT / "target/debug" / service
        if not program.exists():
            pytest.skip(f"{program} is not built")
        checked = subprocess.run([program, "config", "check", "--config", file], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_pods_run_with_few_rights():
    for name in WORKLOADS:
        deployment = only(render("minimal"), "Deployment", name)
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        rights = container(deployment)["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert {"startupProbe", "livenessProbe", "readinessProbe", "resources"} <= set(container(deployment))
        assert len(pod["topologySpreadConstraints"]) == 2
        assert only(render("minimal"), "PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1


def test_a_pod_outlives_the_stop_of_its_service():
    """Grace periods: pod > service, so that nothing is killed in the middle of a drain."""
    for name, grace_s in [("processor", 10), ("gateway", 10), ("intake", 15)]:
        pod = only(render("minimal"), "Deployment", name)["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] > grace_s + 5


def test_no_secret_is_written_out():
    for variant in ["minimal", "tls-sasl", "autoscaling"]:
        assert "Secret" not in kinds(render(variant))
    settings = config(render("tls-sasl"))
    assert "password" not in yaml.safe_dump(settings)
    processor = environment(only(render("tls-sasl"), "Deployment", "processor"))
    password = processor["COLLOQUY_KAFKA__PROPERTIES__SASL_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert password == {"name": "kafka-user", "key": "password"}
    gateway = environment(only(render("tls-sasl"), "Deployment", "gateway"))
    assert gateway["COLLOQUY_GATEWAY__TOKENS"]["valueFrom"]["secretKeyRef"]["name"] == "colloquy-tokens"
    # The gateway has nothing to do with Kafka, the intake nothing with Redis.
    assert not [name for name in gateway if "KAFKA" in name]
    intake = environment(only(render("tls-sasl"), "Deployment", "intake"))
    assert not [name for name in intake if "REDIS" in name]


def test_certificates_are_mounted_where_the_configuration_looks():
    found = render("tls-sasl")
    settings = config(found)
    assert settings["kafka"]["properties"]["security.protocol"] == "SASL_SSL"
    paths = [
        settings["kafka"]["properties"]["ssl.ca.location"],
        settings["kafka"]["properties"]["ssl.certificate.location"],
        settings["redis"]["tls_ca_file"],
        settings["redis"]["tls_key_file"],
    ]
    mounts = [mount["mountPath"] for mount in container(only(found, "Deployment", "processor"))["volumeMounts"]]
    for path in paths:
        assert any(path.startswith(mount + "/") for mount in mounts), (path, mounts)


def test_scaling_leaves_the_number_of_replicas_alone():
    found = render("autoscaling")
    for name in WORKLOADS:
        assert "replicas" not in only(found, "Deployment", name)["spec"]
    scaled = only(found, "ScaledObject", "processor")["spec"]
    assert [trigger["metadata"]["topic"] for trigger in scaled["triggers"]] == [
        "otlp_spans", "otlp_spans_json", "otlp_logs", "ingest-spans",
    ]
    assert {trigger["metadata"]["lagThreshold"] for trigger in scaled["triggers"]} == {"2000"}
    assert scaled["scaleTargetRef"]["name"] == only(found, "Deployment", "processor")["metadata"]["name"]
    parameters = [one["parameter"] for one in only(found, "TriggerAuthentication", "processor")["spec"]["secretTargetRef"]]
    assert parameters == ["username", "password", "ca"]
    assert only(found, "HorizontalPodAutoscaler", "gateway")["spec"]["maxReplicas"] == 20


def test_ingress_keeps_sockets_open():
    ingress = only(render("ingress"), "Ingress", "gateway")
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "3600"
    [rule] = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == only(render("ingress"), "Service", "gateway")["metadata"]["name"]


def test_network_policies_name_what_each_component_needs():
    found = render("tls-sasl")
    egress = {
        name: [port["port"] for rule in only(found, "NetworkPolicy", name)["spec"]["egress"] for port in rule["ports"]]
        for name in WORKLOADS
    }
    assert egress == {"gateway": [53, 53, 6380], "intake": [53, 53, 9093], "processor": [53, 53, 9093, 6380]}


def test_services_select_their_pods_and_nobody_elses():
    found = render("minimal")
    for name in WORKLOADS:
        service = only(found, "Service", name)
        labels = only(found, "Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        assert service["spec"]["selector"]["app.kubernetes.io/component"] == name
        ports = {port["name"] for port in container(only(found, "Deployment", name))["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_what_is_off_is_not_there():
    found = render("cluster-without-intake")
    assert not [one for one in found if one["metadata"]["name"].endswith("intake")]
    groups = [group["name"] for group in only(found, "PrometheusRule", "chats")["spec"]["groups"]]
    assert "colloquy-intake" not in groups
    assert "colloquy-processor" in groups
    assert container(only(found, "Deployment", "gateway"))["image"].startswith("registry.example.com/colloquy/gateway@sha256:")
    assert container(only(found, "Deployment", "processor"))["image"] == "registry.example.com/colloquy/processor:0.1.0"
    assembly = config(found)["processor"]["assembly"]
    assert assembly == {"inactivity_gap_ms": 1800000, "without_id": "trace"}
    assert isinstance(assembly["inactivity_gap_ms"], int)
    assert kinds(render("minimal")) == {"ConfigMap", "ServiceAccount", "Deployment", "Service", "PodDisruptionBudget"}


def test_a_changed_setting_restarts_the_pods():
    values = {"gateway": {"tokensSecret": "t"}, "intake": {"keysSecret": "k"}}
    checksums = [
        only(objects(changed), "Deployment", "processor")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for changed in (values, {**values, "redis": {"keyPrefix": "other"}})
    ]
    assert checksums[0] != checksums[1]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"gatway": {}}, "gatway"),
        ({"redis": {"urls": ["redis://user:password@redis:6379"]}}, "urls"),
        ({"kafka": {"brokers": ["no-port"]}}, "brokers"),
        ({"kafka": {"properties": {"sasl.password": "x"}}}, "sasl.password"),
        ({"processor": {"keda": {"lagThreshold": "many"}}}, "lagThreshold"),
        ({"config": {"proccessor": {}}}, "proccessor"),
    ],
)
def test_mistakes_in_values_are_named(values, complaint):
    with helm_python.Chart.load(CHART) as chart, pytest.raises(helm_python.HelmError, match=complaint):
        chart.validate_schema(values)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"intake": {"keysSecret": "k"}}, "gateway.tokensSecret is needed"),
        ({"gateway": {"tokensSecret": "t"}}, "intake.keysSecret is needed"),
        (
            {"gateway": {"tokensSecret": "t"}, "intake": {"keysSecret": "k"}, "kafka": {"sasl": {"mechanism": "PLAIN"}}},
            "kafka.sasl.existingSecret is needed",
        ),
    ],
)
def test_what_is_missing_is_named(values, complaint):
    with pytest.raises(helm_python.HelmError, match=complaint):
        objects(values)


def test_the_schema_knows_every_value():
    """Every default has a place in the schema, and the schema has nothing else."""
    import json

    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(defaults)
    for section in ("kafka", "redis", "processor", "gateway", "intake", "networkPolicy", "metrics", "image"):
        assert set(schema["properties"][section]["properties"]) == set(defaults[section]), section
