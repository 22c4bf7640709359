"""The comparison's table: a declaration for each plugin, or why it has none."""
import filesystems
import filecache
import finding
import kerneltext
import attributes
import kernelcode
import bpf
import libraries
import machine
import memory
import modules
import netstate
import netfilter
import openfiles
import places
import processes
import scripts
import keys
import sockets
import swap
import system
import tables
import tracing
import userland
import userstacks
import vault
import stacks

MODULES = [
    filesystems,
    filecache,
    finding,
    kerneltext,
    attributes,
    kernelcode,
    bpf,
    libraries,
    machine,
    memory,
    modules,
    netstate,
    netfilter,
    openfiles,
    places,
    processes,
    scripts,
    keys,
    sockets,
    swap,
    system,
    tables,
    tracing,
    userland,
    userstacks,
    vault,
    stacks,
]
DECLARATIONS = [d for module in MODULES for d in module.DECLARATIONS]

# Why a plugin's rows are compared with no truth.
NOT_COMPARED = {
    "cipherkeys": "its keys are those of the vault, which secrets.jsonl tells; cipherkeys_test has what other programs computed",
    "livepatches": "no guest has a livepatch: deferred_test makes them",
    "ikconfig": "no kernel of the farm is built with its configuration: display_test has one",
    "coderefs": "a guest does not know who points where: deferred_test plants pointers, marks.py has what a guest planted",
    "descriptors": "a guest cannot read its processors' tables: entries_test writes them",
    "elfdump": "it writes files: tests/elfdump.sh reads them with readelf, and runs one",
    "module_extract": "it writes files: tests/elfdump.sh reads them with readelf, and looks for symbols",
    "mapdump": "it writes files: tests/elfdump.sh compares them with what dump writes",
    "protection": "the numbers are those of sysctl and modparams, which are compared; evasion_test has what is switched off",
    "persistence": "the files are those of files, the settings those of sysctl, which are compared; evasion_test has what is odd",
    "triage": "it runs the others: triage_test tries each rule with rows that it must take and rows that it must not",
    "kernelmap": "a guest cannot read its own page tables: kernelmap_test breaks each rule, marks.py has what a guest broke",
    "ramviews": "what a guest says is iomem's, which is compared: kernelmap_test has views that contradict each other",
    "quality": "a guest does not know what the acquisition lost: tests/damage/cut.py compares with what was taken away",
}

# Those that a build may lack.
OPTIONAL = {"yara"}
