"""The list of parts (SBOM) in CycloneDX 1.6 JSON, made from the lock files. The same parts give the same bytes.

https://cyclonedx.org/docs/1.6/json/
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from packaging.utils import canonicalize_name

from bundle.locks import Locked

_LICENCE = "Apache-2.0"


class NotFromTheLock(ValueError):
    """Something was installed that the lock does not name; the text says what."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A library of the build machine that comes along: the interpreter and what it needs."""

    name: str
    version: str
    purl: str


def sbom(
    version: str,
    epoch: int,
    shipped: Sequence[Locked],
    tools: Sequence[Locked],
    installed: Mapping[str, str],
    licences: Mapping[str, str],
    parts: Sequence[Part] = (),
) -> dict[str, Any]:
    """`installed` gives the SHA-256 of the wheel that was installed, by name; `licences` SPDX words where known.

    `tools` built the package and are not in it (scope "excluded"). Raises NotFromTheLock.
    """
    components = [_component(each, "required", installed, licences) for each in shipped]
    components += [_component(each, "excluded", installed, licences) for each in tools]
    components += [
        {
            "type": "library",
            "bom-ref": part.purl,
            "name": part.name,
            "version": part.version,
            "scope": "required",
            "purl": part.purl,
        }
        for part in parts
    ]
    components.sort(key=lambda component: str(component["bom-ref"]))
    root = f"depthdesk@{version}"
    told = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "depthdesk",
                "version": version,
                "licenses": [{"license": {"id": _LICENCE}}],
            },
        },
        "components": components,
        "dependencies": [
            {
                "ref": root,
                "dependsOn": [each["bom-ref"] for each in components if each["scope"] == "required"],
            }
        ],
    }
    identity = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(told, sort_keys=True))
    return {**told, "serialNumber": f"urn:uuid:{identity}"}


def as_text(told: Mapping[str, Any]) -> str:
    return json.dumps(told, indent=2, sort_keys=True) + "\n"


def installed_hashes(report: Mapping[str, Any]) -> dict[str, str]:
    """The SHA-256 of what pip installed, by name as the lock writes it, from its `--report`."""
    found = {}
    for each in report["install"]:
        found[str(canonicalize_name(each["metadata"]["name"]))] = each["download_info"]["archive_info"]["hashes"][
            "sha256"
        ]
    return found


def _component(locked: Locked, scope: str, installed: Mapping[str, str], licences: Mapping[str, str]) -> dict[str, Any]:
    digest = installed.get(locked.name)
    if digest not in locked.hashes:
        raise NotFromTheLock(f"{locked.name} {locked.version}: the installed file {digest} is not in the lock")
    purl = f"pkg:pypi/{locked.name}@{locked.version}"
    licence = licences.get(locked.name)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": locked.name,
        "version": locked.version,
        "scope": scope,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        **({"licenses": [{"license": {"name": licence}}]} if licence else {}),
    }
