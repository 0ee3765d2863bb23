"""C2PA manifests: who signed what about the image, and whether it still fits."""

import io
from collections.abc import Iterator
from typing import Any

import c2pa

from deepfake_webapp.inspection.report import MAX_ENTRIES, Action, Provenance, clean

_UNTRUSTED = "signingCredential.untrusted"


def read_provenance(data: bytes, media_type: str, trust_anchors: str = "") -> Provenance:
    """Verify an image's embedded manifest without asking anybody on the network.

    Args:
        data: The whole file.
        media_type: What it is, such as ``image/jpeg``.
        trust_anchors: PEM certificates whose signatures count as trusted.

    Raises:
        c2pa.C2paError: If the trust anchors are no PEM certificates.
    """
    context = c2pa.Context.from_dict(_settings(trust_anchors))
    try:
        with c2pa.Reader(media_type, io.BytesIO(data), context=context) as reader:
            manifest = reader.get_active_manifest() or {}
            state = reader.get_validation_state()
            results = reader.get_validation_results() or {}
    except c2pa.C2paError.ManifestNotFound:
        return Provenance(state="none")
    except c2pa.C2paError as error:
        return _without_manifest(str(error))
    return Provenance(
        state=_STATES.get(state or "", "invalid"),
        faults=list(_faults(results))[:MAX_ENTRIES],
        claim_generator=_claim_generator(manifest),
        actions=list(_actions(manifest))[:MAX_ENTRIES],
        **_signature(manifest),
    )


_STATES: dict[str, Any] = {"Trusted": "trusted", "Valid": "unknown_signer"}


def _settings(trust_anchors: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True}
    }
    if trust_anchors:
        settings["trust"] = {"trust_anchors": trust_anchors}
    return settings


def _without_manifest(error: str) -> Provenance:
    """Tell a manifest that lies elsewhere from one that cannot be read."""
    if error.startswith("Remote"):
        return Provenance(state="none", elsewhere=clean(error.rpartition(" ")[2]))
    return Provenance(state="invalid", faults=[clean(error)])


def _signature(manifest: dict[str, Any]) -> dict[str, str | None]:
    info = manifest.get("signature_info") or {}
    return {
        "signer": _text(info.get("common_name")),
        "issuer": _text(info.get("issuer")),
        "signed_at": _text(info.get("time")),
    }


def _faults(results: dict[str, Any]) -> Iterator[str]:
    """What failed, but for the signer being unknown, which is a state of its own."""
    for fault in (results.get("activeManifest") or {}).get("failure") or []:
        if fault.get("code") != _UNTRUSTED:
            yield clean(fault.get("explanation") or fault.get("code"))


def _claim_generator(manifest: dict[str, Any]) -> str | None:
    generators = [_agent(info) for info in manifest.get("claim_generator_info") or []]
    named = ", ".join(name for name in generators if name)
    return _text(named or manifest.get("claim_generator"))


def _actions(manifest: dict[str, Any]) -> Iterator[Action]:
    for assertion in manifest.get("assertions") or []:
        if str(assertion.get("label")).startswith("c2pa.actions"):
            for action in assertion["data"].get("actions") or []:
                source = str(action.get("digitalSourceType") or "")
                yield Action(
                    action=clean(action.get("action")),
                    agent=_agent(action.get("softwareAgent")),
                    source_type=_text(source.rstrip("/").rpartition("/")[2]),
                    when=_text(action.get("when")),
                )


def _agent(agent: Any) -> str | None:
    if isinstance(agent, dict):
        return _text(f"{agent.get('name') or ''} {agent.get('version') or ''}")
    return _text(agent)


def _text(value: Any) -> str | None:
    """Plain text, or nothing instead of an empty one."""
    return clean(value or "") or None
