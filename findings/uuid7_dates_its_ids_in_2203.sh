#!/usr/bin/env bash
# uuid7 0.1.0 (import name: uuid_extensions), beside uuid6 2025.0.1 and uuid-utils 1.2.0.
#
# What happens: all three make UUIDs whose version says 7. RFC 9562 keeps milliseconds since 1970 in the first 48 bits;
# uuid6 and uuid-utils do so. The package that bears the name has whole seconds in the first 36
# bits, then fractions. A reader of the RFC dates its ids in the year 2203, and each of them sorts after each id of the others.
# Why it matters: decisions carry a UUIDv7 so that they sort by time and an id tells when it was made. With hosts of
# both kinds a page "after this id" leaves decisions out, and an age computed from the id is negative. The version
# digit does not tell them apart.
# Output seen on 2026-12-01: uuid7: version 7, year 2203; uuid6: version 7, year 2026; uuid-utils: version 7, year 2026;
# the id made first sorts last
# Source: measured; RFC 9562, section 5.7.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet uuid7==0.1.0 uuid6==2025.0.1 uuid-utils==1.2.0
"$work/venv/bin/python" - <<'PY'
import time
from datetime import UTC, datetime

import uuid6
import uuid_extensions
import uuid_utils

makers = {"uuid7": uuid_extensions.uuid7, "uuid6": uuid6.uuid7, "uuid-utils": uuid_utils.uuid7}
ids, seconds = {}, {}
for name, make in makers.items():
    ids[name] = make()
    seconds[name] = (ids[name].int >> 80) / 1000
    print(f"{name}: version {ids[name].version}, year {datetime.fromtimestamp(seconds[name], UTC).year}")
    time.sleep(0.01)

in_order = sorted(ids, key=lambda name: str(ids[name]))
print("made first uuid7, sorted:", ", ".join(in_order))
assert {made.version for made in ids.values()} == {7}
assert all(abs(seconds[name] - time.time()) < 60 for name in ("uuid6", "uuid-utils"))
assert seconds["uuid7"] - time.time() > 100 * 365 * 86400
assert in_order == ["uuid6", "uuid-utils", "uuid7"]
PY
