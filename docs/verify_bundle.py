#!/usr/bin/env python3
"""Check proofs from a confidence ledger, offline. Needs Python 3.11 and `cryptography`, nothing of ours.

    python verify_bundle.py FOLDER LOG_KEY [--witness KEY ...] [--needed N] [--kept FILE ...] [--consistency FILE ...]
    python verify_bundle.py PACK.zip [LOG_KEY] [the same]

FOLDER holds `<name>.json`, the bytes of an entry, beside `<name>.tlog-proof`, as `manage.py prove_decision` and
`prove_revision` write them. Every entry is proved to stand in the signed tree; then the entries are held against each
other: outcomes are of the decision, the revision is the one that it was made under, the proposal is the revision's, its
evidence has the hash that was approved, and somebody else than the author approved it. What does not hold ends the
program with a sentence and status 1.

PACK.zip is an evidence pack, or the folder that it was unpacked into. Its files have the hashes that the log's key
signed; the decisions are those that the seed picks; each of them, and each step of each approval, is proved as above.
What fits together, but is vouched for by nobody, ends with status 2: no signature, or no LOG_KEY to check it by.
"""

import argparse
import base64
import contextlib
import hashlib
import io
import json
import sys
import tempfile
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """Something does not hold; the text says what."""


UNREADABLE = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError)


def demand(holds, sentence):
    if not holds:
        raise Refused(sentence)


# --- Signed notes: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature ---


def public_key(verifier_key, kind):
    """Return name, key id and public key of `name+hex(id)+base64(kind || key)`."""
    name, _, encoded = verifier_key.strip().split("+", 2)
    raw = base64.b64decode(encoded)
    demand(raw[:1] == kind, f"{name}: this is another kind of key")
    return name, hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4], Ed25519PublicKey.from_public_bytes(raw[1:])


def signatures_of(note):
    text, _, lines = note.rpartition("\n\n")
    for line in lines.splitlines():
        dash, name, encoded = line.split(" ")
        demand(dash == "\u2014", "a signature line of the checkpoint is malformed")
        yield text + "\n", name, base64.b64decode(encoded)


def is_signed(public, signature, message):
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def open_checkpoint(note, log_key):
    """Return size and root of a checkpoint that the log signed."""
    name, key_id, public = public_key(log_key, b"\x01")
    signed = [
        text
        for text, signer, blob in signatures_of(note)
        if signer == name and blob[:4] == key_id and is_signed(public, blob[4:], text.encode())
    ]
    demand(signed, f"{name} has not signed the checkpoint")
    origin, size, root = signed[0].split("\n")[:3]
    demand(origin == name, "the checkpoint is of another log")
    return int(size), base64.b64decode(root)


def cosigners(note, witness_keys):
    """Return who of the witnesses cosigned a checkpoint, with the times that they state."""
    found = {}
    for key in witness_keys:
        name, key_id, public = public_key(key, b"\x04")
        for text, signer, blob in signatures_of(note):
            if signer == name and blob[:4] == key_id:
                time = int.from_bytes(blob[4:12], "big")
                message = f"cosignature/v1\ntime {time}\n{text}".encode()
                demand(is_signed(public, blob[12:], message), f"the cosignature of {name} does not hold")
                found[name] = time
    return found


# --- The Merkle tree: RFC 9162 section 2.1 ---


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(entry, index, path, size, root):
    """Section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    fn, sn, computed = index, size - 1, hashlib.sha256(b"\x00" + entry).digest()
    for sibling in path:
        if sn == 0:
            return False
        if fn % 2 or fn == sn:
            computed = node(sibling, computed)
            while fn % 2 == 0 and fn > 0:
                fn, sn = fn // 2, sn // 2
        else:
            computed = node(computed, sibling)
        fn, sn = fn // 2, sn // 2
    return sn == 0 and computed == root


def is_consistent(first, first_root, second, second_root, path):
    """Section 2.1.4.2."""
    if first == second:
        return not path and first_root == second_root
    if not 0 < first < second or not path:
        return False
    start, *rest = [first_root, *path] if first & (first - 1) == 0 else path
    fn, sn = first - 1, second - 1
    while fn % 2:
        fn, sn = fn // 2, sn // 2
    fr = sr = start
    for sibling in rest:
        if sn == 0:
            return False
        if fn % 2 or fn == sn:
            fr, sr = node(sibling, fr), node(sibling, sr)
            while fn % 2 == 0 and fn > 0:
                fn, sn = fn // 2, sn // 2
        else:
            sr = node(sr, sibling)
        fn, sn = fn // 2, sn // 2
    return sn == 0 and (fr, sr) == (first_root, second_root)


# --- The folder ---


def read_proof(path):
    """Return index, hashes and checkpoint of a proof (c2sp.org/tlog-proof)."""
    head, checkpoint = path.read_text("utf-8").split("\n\n", 1)
    lines = [line for line in head.split("\n") if not line.startswith("extra ")]
    demand(lines[0] == "c2sp.org/tlog-proof@v1", f"{path.name} is no proof")
    return int(lines[1].removeprefix("index ")), [base64.b64decode(line) for line in lines[2:]], checkpoint


def read_folder(folder, log_key, policy):
    """Return the entries by name, each with its index, once all are proved; and the size and root of all."""
    entries, heads = {}, set()
    for file in sorted(folder.glob("*.json")):
        content = file.read_bytes()
        index, path, checkpoint = read_proof(file.with_suffix(".tlog-proof"))
        size, root = open_checkpoint(checkpoint, log_key)
        demand(is_included(content, index, path, size, root), f"{file.name} is not what the log holds at {index}")
        found = cosigners(checkpoint, policy.witness)
        demand(len(found) >= policy.needed, f"{len(found)} of {policy.needed} witnesses cosigned the checkpoint")
        heads.add((size, root))
        entries[file.stem] = {**json.loads(content), "index": index}
        print(f"{file.stem}: leaf {index} of {size}, {len(found)} witnesses")
    demand(len(heads) == 1, "the folder holds nothing, or proofs under several checkpoints")
    return entries, *heads.pop()


def check_kept(policy, size, root):
    """Hold the checkpoint of the folder against those that the auditor kept."""
    proofs = {}
    for file in policy.consistency:
        head, note = file.read_text("utf-8").split("\n\n", 1)
        old, *path = head.split("\n")
        proofs[int(old.removeprefix("old "))] = [base64.b64decode(line) for line in path], note
    for file in policy.kept:
        kept_size, kept_root = open_checkpoint(file.read_text("utf-8"), policy.log_key)
        if kept_size == size:
            demand(kept_root == root, f"{file.name}: the log was another one when this was kept")
            continue
        demand(kept_size in proofs, f"{file.name}: `checkpoint_ledger --consistency-from {kept_size}` gives the proof")
        path, note = proofs[kept_size]
        new_size, new_root = open_checkpoint(note, policy.log_key)
        demand((new_size, new_root) == (size, root), f"the proof from {kept_size} leads to another checkpoint")
        demand(is_consistent(kept_size, kept_root, size, root, path), f"{file.name}: the log did not only grow since")
        print(f"{file.name}: the log of {kept_size} leaves only grew")


def time_of(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def check_times(entries, tolerance):
    """The decision says no time at which a checkpoint that does not hold it was signed already."""
    first, before = entries.get("decision") or entries.get("revision"), entries.get("checkpoint")
    if first is None or before is None:
        return
    said = time_of(first.get("timestamp") or first["created_at"])
    swept = time_of(before["swept_at"] or before["created_at"])
    demand(before["tree_size"] <= first["index"], "the checkpoint before the first entry holds it")
    demand(said >= swept - tolerance, f"it says {said}, and the checkpoint of {swept} does not hold it: backdated")
    print(f"logged after the checkpoint of size {before['tree_size']}, signed {swept}; it says {said}")


def check_decision(entries):
    """What was recorded about the decision is about it."""
    decision = entries.get("decision")
    if decision is None:
        return
    outcomes = {entry["id"] for entry in entries.values() if entry["entry"] == "outcome"}
    for name, entry in entries.items():
        if entry["entry"] in ("outcome", "amendment"):
            demand(entry["decision_id"] == decision["decision_id"], f"{name} is of another decision")
        if entry["entry"] == "void":
            demand(entry["outcome_id"] in outcomes, f"{name} is of another decision's outcome")
    verdict = f"{decision['gate_verdict']} ({decision['gate_reason']})"
    print(f"decision {decision['decision_id']}: {verdict}, {len(outcomes)} outcomes, origin {decision['origin']}")


def check_policy(entries):
    """The revision is that of the decision; it was proposed, approved and applied, on this evidence."""
    decision, revision, proposal = (entries.get(name) for name in ("decision", "revision", "proposal"))
    if revision is None:
        return
    if decision is not None:
        same = ("workspace_id", "policy_key")
        demand(all(decision[name] == revision[name] for name in same), "the revision is of another policy")
        demand(decision["policy_version"] == revision["version"], "the decision was made under another version")
    print(
        f"revision {revision['version']} of {revision['policy_key']}: {revision['action']} by {revision['actor_name']}"
    )
    if revision["proposal_id"] is None:
        return
    demand(proposal is not None and proposal["id"] == revision["proposal_id"], "the revision's proposal is not here")
    events = [entry for entry in entries.values() if entry["entry"] == "proposal_event"]
    demand(all(event["proposal_id"] == proposal["id"] for event in events), "an event is of another proposal")
    by_verb = {event["verb"]: event for event in events}
    if revision["action"] == "APPLY_PROPOSAL":
        demand({"open", "approve", "apply"} <= by_verb.keys(), "a transition of the proposal is missing")
        demand(proposal["config"] == revision["config_after"], "what was applied is not what was proposed")
        approval = by_verb["approve"]
        own = approval["actor_name"] == proposal["author_name"] and not approval["break_glass"]
        demand(not own, "the author approved the proposal alone")
    digest = hashlib.sha256(proposal["evidence"].encode()).hexdigest()
    demand(digest == proposal["evidence_sha256"], "the evidence is not what was sealed")
    for verb, event in by_verb.items():
        print(f"  {verb}: {event['actor_name'] or 'the system'}, {event['at']}")
    print(f"  evidence {digest}")
    for entry in (entry for entry in entries.values() if entry["entry"] == "calibration_run"):
        print(f"  calibration run {entry['id']}: inputs {entry['inputs_sha256']}, output {entry['output_sha256']}")


# --- Evidence packs ---

SUMS, NOTE, SEAL = "SHA256SUMS", "SHA256SUMS.note", "confidence-evidence-pack/1"


@contextlib.contextmanager
def named(name):
    """What is refused within is of `name`; it is checked without a word."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except Refused as refused:
        raise Refused(f"{name}: {refused}") from None
    except UNREADABLE as error:
        raise Refused(f"{name}: it cannot be read ({type(error).__name__})") from None


def check_sums(folder):
    """Every file has the hash that SHA256SUMS says, and there is no other."""
    demand((folder / SUMS).is_file(), f"{SUMS} is missing")
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in read_lines(folder / SUMS))}
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()} - {SUMS, NOTE}
    for name in sorted(sums.keys() | there):
        demand(name in there, f"{name} is missing")
        demand(name in sums, f"{name} is not in {SUMS}")
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        demand(digest == sums[name], f"{name} is not what {SUMS} says")
    print(f"{len(sums)} files have the hashes that {SUMS} says")


def read_lines(path):
    return path.read_text("utf-8").splitlines()


def is_sealed(folder, log_key):
    """Say whether the log's key signed the hashes; refuse a signature that is not by it, or of something else."""
    if log_key is None or not (folder / NOTE).exists():
        return False
    name, key_id, public = public_key(log_key, b"\x01")
    with named(NOTE):
        signed = [
            text
            for text, signer, blob in signatures_of((folder / NOTE).read_text("utf-8"))
            if signer == name and blob[:4] == key_id and is_signed(public, blob[4:], text.encode())
        ]
        demand(signed, f"{name} has not signed it")
        digest = hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()
        demand(signed[0] == f"{SEAL}\n{SUMS} {digest}\n", f"what {name} signed is not this {SUMS}")
    print(f"{name} signed them")
    return True


def check_sample(folder, about, policy):
    """The decisions are those that the seed picks, each as the log holds it; return the heads of their proofs."""
    rows = json.loads((folder / "sample.json").read_text("utf-8"))
    size = min(about["decisions_asked_for"], about["decisions_in_period"])
    demand(len(rows) == size, f"sample.json: it has {len(rows)} decisions, and not {size}")
    known = {row["version"] for row in json.loads((folder / "approvals.json").read_text("utf-8"))}
    ranks = [hashlib.sha256(f"{about['seed']}:{row['decision_id']}".encode()).hexdigest() for row in rows]
    for row, rank, before in zip(rows, ranks, ["", *ranks], strict=False):
        demand(row["rank"] == rank > before, f"sample.json: the seed does not pick {row['decision_id']} here")
    heads = set()
    for row in rows if about["log_size"] is not None else ():
        name = f"decision-{row['decision_id']}"
        with named(name):
            demand(row["proof"], f"it has no proof: {row['problem']}")
            entries, *head = read_folder(folder / "proofs" / name, policy.log_key, policy)
            check_times(entries, timedelta(minutes=policy.tolerance))
            check_decision(entries)
            check_row(row, entries["decision"], about)
            # Version 0 is the defaults, on which nobody decided.
            demand(row["policy_version"] in {None, 0, *known}, "nothing is said of the version that it was made under")
            heads.add(tuple(head))
    print(f"{len(rows)} of {about['decisions_in_period']} decisions are those that the seed {about['seed']} picks")
    return heads


def check_row(row, decision, about):
    """A row of the sample says what the entry says, and the entry is of this policy and period."""
    confidence = decision["llm_confidence"]
    said = {
        "decision_id": decision["decision_id"],
        "recorded_at": decision["timestamp"],
        "verdict": decision["gate_verdict"],
        "gate_reason": decision["gate_reason"],
        "policy_version": decision["policy_version"],
        "model": decision["model"],
        "confidence": None if confidence is None else float(confidence),
    }
    wrong = [key for key, value in said.items() if row[key] != value]
    demand(not wrong, f"sample.json says something else of {', '.join(wrong)}")
    demand(
        all(decision[key] == about[key] for key in ("workspace_id", "policy_key")), "the decision is of another policy"
    )
    # Times are texts of one form, so that they are ordered as they stand.
    demand(about["since"] <= decision["timestamp"] < about["until"], "the decision is not of the period")


def check_approvals(folder, about, policy):
    """Each step towards each version is as the log holds it; return the heads of the proofs."""
    steps = json.loads((folder / "approvals.json").read_text("utf-8"))
    values = json.loads((folder / "thresholds.json").read_text("utf-8"))
    certificates = json.loads((folder / "certificates.json").read_text("utf-8"))
    heads = set()
    versions = sorted({row["version"] for row in steps})
    gaps = sorted(set(range(versions[0], versions[-1])) - set(versions)) if versions else []
    demand(not gaps, f"approvals.json leaves out the versions {gaps}")
    for version in versions if about["log_size"] is not None else ():
        name = f"version-{version}"
        with named(name):
            entries, *head = read_folder(folder / "proofs" / name, policy.log_key, policy)
            check_times(entries, timedelta(minutes=policy.tolerance))
            check_policy(entries)
            revision = entries["revision"]
            is_of_it = revision["version"] == version
            demand(
                is_of_it and all(revision[key] == about[key] for key in ("workspace_id", "policy_key")),
                "the revision is of another policy or version",
            )
            for row in (each for each in steps if each["version"] == version):
                check_step(row, entries)
            check_values([each for each in values if each["version"] == version], revision["config_after"])
            for row in (each for each in certificates if each["version"] == version):
                sealed = entries["proposal"]["evidence_sha256"]
                demand(row["evidence_sha256"] == sealed, "certificates.json names other evidence")
            heads.add(tuple(head))
    print(f"{len(steps)} steps towards {len(versions)} versions")
    return heads


def check_values(rows, config):
    """Each value of the config has its row; a row beside these is of a default, which no config names."""
    said = {(json.dumps(row["segment"], sort_keys=True), row["field"]): row.get("value") for row in rows}
    parts = [({}, config["values"]), *((each["match"], each["values"]) for each in config["overrides"])]
    held = {(json.dumps(match, sort_keys=True), name): value for match, part in parts for name, value in part.items()}
    for place, value in held.items():
        demand(said.get(place) == value, f"thresholds.json says something else of {place[1]}")
    demand(all(place in held or place[0] == "{}" for place in said), "thresholds.json has a segment too many")


def check_step(row, entries):
    demand(row["proof"], f"the step “{row['step']}” has no proof")
    entry = entries[Path(row["proof"][0]).stem]
    if entry["entry"] == "proposal_event":
        demand(entry["verb"].replace("_", " ") == row["step"], f"the step “{row['step']}” is another one")
    said = (entry["actor_name"], entry.get("at") or entry["created_at"], entry["break_glass"])
    demand(said == (row["by"], row["at"], row["break_glass"]), f"approvals.json tells “{row['step']}” otherwise")


def check_pack(folder, policy):
    """Return whether somebody vouches for all of a pack that holds together."""
    check_sums(folder)
    sealed = is_sealed(folder, policy.log_key)
    about = json.loads((folder / "pack.json").read_text("utf-8"))
    demand(about["schema"] == SEAL, "pack.json: this is another kind of pack")
    demand(about["signed_by"] is None or (folder / NOTE).exists(), f"{NOTE} is missing")
    if policy.log_key is None:
        return False
    heads = check_sample(folder, about, policy) | check_approvals(folder, about, policy)
    if about["log_size"] is None:
        return False
    size, root = about["log_size"], bytes.fromhex(about["log_root"])
    demand(heads <= {(size, root)}, "proofs lead to another checkpoint than pack.json names")
    policy.kept += sorted((folder / "checkpoints").glob("*.checkpoint"))
    policy.consistency += sorted((folder / "checkpoints").glob("*.consistency"))
    check_kept(policy, size, root)
    return sealed


@contextlib.contextmanager
def unpacked(path):
    """Give the folder itself, or one with what an archive holds."""
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in names:
            demand(names.count(name) == 1, f"{name} is in the archive twice")
        archive.extractall(folder)
        yield Path(folder)


def check_folder(folder, policy):
    """Check a bundle about one decision or one revision."""
    demand(policy.log_key is not None, "give the verifier key of the log, as you were given it")
    entries, size, root = read_folder(folder, policy.log_key, policy)
    check_kept(policy, size, root)
    check_times(entries, timedelta(minutes=policy.tolerance))
    check_decision(entries)
    check_policy(entries)
    print(f"All {len(entries)} entries are proved and fit together.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, metavar="FOLDER|PACK.zip")
    parser.add_argument(
        "log_key", nargs="?", metavar="LOG_KEY", help="the verifier key of the log, as you were given it"
    )
    parser.add_argument("--witness", action="append", default=[], metavar="KEY", help="verifier key of a witness")
    parser.add_argument("--needed", type=int, metavar="N", help="how many witnesses must have cosigned; default: all")
    parser.add_argument("--kept", action="append", default=[], type=Path, metavar="FILE", help="a checkpoint you kept")
    parser.add_argument(
        "--consistency", action="append", default=[], type=Path, metavar="FILE", help="a proof of growth"
    )
    parser.add_argument("--tolerance", type=float, default=15, metavar="MINUTES", help="for clocks; default: 15")
    policy = parser.parse_args()
    if policy.needed is None:
        policy.needed = len(policy.witness)
    try:
        with unpacked(policy.path) as folder:
            if not (folder / "pack.json").exists() and not (folder / SUMS).exists():
                check_folder(folder, policy)
                return
            vouched_for = check_pack(folder, policy)
    except Refused as refused:
        sys.exit(f"NOT PROVED: {refused}")
    except (*UNREADABLE, zipfile.BadZipFile) as error:
        sys.exit(f"NOT PROVED: the folder cannot be read ({type(error).__name__})")
    if not vouched_for:
        print("NOT PROVED: it fits together, but no signature or no LOG_KEY vouches for all of it.", file=sys.stderr)
        sys.exit(2)
    print("The pack is signed, and everything in it that can be proved is proved.")


if __name__ == "__main__":
    main()
