"""Runs inside of drgn's Python: VMLINUX CORE [TYPE...]: prints as one JSON object what drgn sees of a kernel: tasks, their stacks, the layout
of the types and of all that these hold, modules, mounts, some variables. What fails is there as the error's text."""
import json
import sys
import time

import drgn
from drgn.helpers.linux import cpumask, fs, list as lists, percpu, pid

ROOTS = ("task_struct mm_struct vm_area_struct file dentry inode super_block sock sk_buff module cred net nsproxy cgroup page kmem_cache "
         "socket tcp_sock bpf_prog bpf_map rq zone pglist_data io_ring_ctx ext4_inode_info pipe_inode_info key trace_event_call kprobe "
         "ftrace_ops irq_desc block_device request_queue net_device nf_hook_entries work_struct timer_list hrtimer_cpu_base").split()


def layout(prog, names):
    """{name: [size, [member, bit offset, bits, type]...]} of the types and those that they are made of or point to."""
    out, left, seen = {}, [], set()

    def add(t):
        while t.kind in (drgn.TypeKind.POINTER, drgn.TypeKind.ARRAY, drgn.TypeKind.TYPEDEF):
            t = t.type
        if t.kind in (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION, drgn.TypeKind.ENUM) and t.tag and (t.kind, t.tag) not in seen:
            seen.add((t.kind, t.tag))
            left.append(t)

    def members(t, base):
        rows = []
        for m in t.members:
            if m.name is None:  # those of an anonymous one, as if they were its own
                rows += members(m.type, base + m.bit_offset)
                continue
            rows.append([m.name, base + m.bit_offset, m.bit_field_size, m.type.type_name()])
            add(m.type)
            inner = m.type
            while inner.kind == drgn.TypeKind.ARRAY:
                inner = inner.type
            if inner.kind in (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION) and not inner.tag and inner.is_complete():
                rows += [[f"{m.name}.{row[0]}", *row[1:]] for row in members(inner, base + m.bit_offset)]
        return rows

    for name in names:
        try:
            add(prog.type("struct " + name))
        except LookupError as error:
            out["struct " + name] = str(error)
    while left:
        t = left.pop()
        name = t.type_name()
        if not t.is_complete():
            try:
                t = prog.type(name)  # it may be complete elsewhere
            except LookupError:
                continue
        if not t.is_complete():
            continue
        if t.kind == drgn.TypeKind.ENUM:
            out[name] = [[e.name, e.value] for e in t.enumerators]
        else:
            out[name] = [t.size, *members(t, 0)]
    return out


def tried(what):
    begin = time.monotonic()
    try:
        return what(), round(time.monotonic() - begin, 2)
    except Exception as error:  # pylint: disable=broad-exception-caught # whatever it is, it is the result
        return f"{type(error).__name__}: {error}"[:300], round(time.monotonic() - begin, 2)


def text(value):
    return value.string_().decode("utf-8", "replace")


def main():
    begin = time.monotonic()
    prog = drgn.Program()
    prog.set_core_dump(sys.argv[2])
    prog.load_debug_info([sys.argv[1]])
    out = {"load": [True, round(time.monotonic() - begin, 2)]}
    out["ps"] = tried(lambda: sorted([t.pid.value_(), t.tgid.value_(), text(t.comm), t.mm.value_()] for t in pid.for_each_task(prog)))

    def stacks():
        found = {}
        for t in pid.for_each_task(prog):
            number = t.pid.value_()
            try:
                found[number] = [[frame.pc, frame.name if hasattr(frame, "name") else None] for frame in prog.stack_trace(t)]
            except Exception as error:  # pylint: disable=broad-exception-caught
                found[number] = f"{type(error).__name__}: {error}"[:200]
        return found

    out["stacks"] = tried(stacks)
    out["modules"] = tried(lambda: [text(m.name) for m in lists.list_for_each_entry("struct module", prog["modules"].address_of_(), "list")])
    out["mounts"] = tried(lambda: [text(m.mnt_devname) + " " + fs.d_path(m.mnt.address_of_(), m.mnt.mnt_root).decode()
                                   for m in fs.for_each_mount(prog["init_task"].nsproxy.mnt_ns)])
    out["paths"] = tried(lambda: [[t.pid.value_(), fs.d_path(t.fs.pwd).decode()] for t in pid.for_each_task(prog) if t.fs])
    for name in ("init_task", "init_net", "init_mm", "jiffies", "runqueues", "modules", "init_pid_ns", "root_task_group", "nr_threads", "saved_command_line"):
        out["variable " + name] = tried(lambda name=name: [prog[name].type_.type_name(), prog[name].address_])
    for name in ("runqueues", "cpu_info", "tick_cpu_sched"):
        out["per CPU " + name] = tried(lambda name=name: [percpu.per_cpu(prog[name], i).address_ for i in cpumask.for_each_online_cpu(prog)])
    out["running"] = tried(lambda: [text(percpu.per_cpu(prog["runqueues"], i).curr.comm) for i in cpumask.for_each_online_cpu(prog)])
    out["release"] = tried(lambda: text(prog["init_uts_ns"].name.release))
    out["layout"] = tried(lambda: layout(prog, sys.argv[3:] or ROOTS))
    print("PEER " + json.dumps(out))


main()
