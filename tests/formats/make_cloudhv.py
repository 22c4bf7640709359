"""Cloud Hypervisor's snapshots, as its vmm/src/memory_manager.rs describes them."""
import json, pathlib

PAGE = 4096


def cloudhv(raw, ranges, out):
    """Whole pages, range after range; the list of ranges is JSON in a string in JSON."""
    folder = pathlib.Path(f"{out}.snapshot")
    folder.mkdir()
    data = []
    with open(raw, "rb") as f, open(folder / "memory-ranges", "wb") as g:
        for first, last in sorted(ranges):
            first = max(first // PAGE * PAGE, data[-1]["gpa"] + data[-1]["length"] if data else 0)
            length = (last // PAGE + 1) * PAGE - first
            if length <= 0:
                continue
            f.seek(first)
            g.write(f.read(length).ljust(length, b"\0"))
            data.append({"gpa": first, "length": length})
    state = json.dumps({"memory_ranges": {"data": data}, "guest_ram_mappings": [], "boot_ram": 0}, separators=(",", ":"))
    whole = {"snapshots": {"memory-manager": {"snapshots": {}, "snapshot_data": {"state": state}}}, "snapshot_data": None}
    (folder / "state.json").write_text(json.dumps(whole))
    (folder / "config.json").write_text("{}")
    return folder


MAKES = {"cloudhv": cloudhv}
