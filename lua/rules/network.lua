-- network - who listens on the wire, and what sees packets before the kernel does.

rule {
  id = "hidden-socket",
  title = "A socket of {COMM} ({PID}) is not in the kernel's table of such sockets",
  severity = "high",
  plugin = "sockets",
  where = "HINTS ~ .",
  key = { "PID", "SOURCE_PORT" },
  show = { "COMM", "FAMILY", "PROTO", "SOURCE_ADDR", "SOURCE_PORT", "DESTINATION_ADDR", "DESTINATION_PORT", "STATE", "TABLE", "HINTS" },
  why = "The process has it, and the table that the kernel, ss and /proc/net look into has not: it was taken out.",
  benign = "A connection that was made or ended while the image was taken.",
  attack = "T1564",
  more = "sockets --pid {PID}",
  hits = { { PID = 5, COMM = "x", SOURCE_PORT = 4711, HINTS = "not in the table by which the kernel finds it" } },
  misses = { { PID = 5, COMM = "x", SOURCE_PORT = 4711, HINTS = "" }, { PID = 5, COMM = "x" } },
}

rule {
  id = "hidden-promiscuity",
  title = "Interface {INTERFACE} is promiscuous, and its flags hide that",
  severity = "high",
  plugin = "interfaces",
  where = "HINTS ~ 'promiscuous by|not on the list|not in the table'",
  key = { "INTERFACE" },
  show = { "NS", "FLAGS", "PROMISCUITY", "HINTS" },
  why = "The kernel's count says that all packets are taken, the flag that tools show does not, or an interface is off its list.",
  benign = "None that is known.",
  attack = "T1040",
  hits = { { INTERFACE = "eth0", PROMISCUITY = 1, HINTS = "promiscuous by count, without the flag" } },
  misses = { { INTERFACE = "eth0", PROMISCUITY = 1 } },
}

rule {
  id = "promiscuous-interface",
  title = "Interface {INTERFACE} takes all packets of the wire",
  severity = "low",
  plugin = "interfaces",
  where = "PROMISCUITY > 0 and MASTER is missing",
  key = { "NS", "INTERFACE" },
  show = { "FLAGS", "PROMISCUITY" },
  why = "Somebody listens to traffic of others.",
  benign = "tcpdump, bridges, virtual switches, intrusion detection.",
  attack = "T1040",
  hits = { { NS = 1, INTERFACE = "eth0", PROMISCUITY = 1 } },
  misses = { { NS = 1, INTERFACE = "eth0", PROMISCUITY = 0 }, { NS = 1, INTERFACE = "eth0", PROMISCUITY = 1, MASTER = "br0" } },
}

-- Does a filter of classic BPF compare what lies behind the headers of IP and TCP, UDP or ICMP with a number? DHCP clients do so
-- too, and look for the cookie of their protocol.
local function looks_for_magic(filter)
  local payload = false
  if type(filter) ~= "string" or filter:find("0x63825363", 1, true) then return false end
  for step in (filter:gsub("^cBPF ", "") .. "; "):gmatch("(.-); ") do
    local load, x, at = step:match("^(ldh?) %[(x? ?%+? ?)(%d+)%]")
    if load then
      payload = tonumber(at) >= (x ~= "" and 18 or 42) and (load == "ld" or x ~= "")
    elseif payload and tonumber(step:match("^jeq #(0x%x+)") or 0) > 0xff then
      return true
    end
  end
  return false
end

rule {
  id = "packet-socket",
  title = "{COMM} ({PID}) reads packets past the network stack",
  severity = "low",
  plugin = "sockets",
  where = "FAMILY = AF_PACKET",
  key = { "PID" },
  show = { "COMM", "FD", "PROTO", "INTERFACE", "UID", "OPTIONS", "SOCKET_FILTER" },
  match = function(row) return looks_for_magic(row.SOCKET_FILTER) and "medium" or true end,
  why = "A packet socket sees what firewalls drop: backdoors of the kind of BPFDoor wait there, behind a filter of classic BPF. One that "
    .. "looks for a number in what packets carry is medium.",
  benign = "DHCP clients, lldpd, tcpdump, wpa_supplicant.",
  attack = "T1205.002",
  more = "sockets --pid {PID}",
  hits = { { PID = 5, COMM = "x", FAMILY = "AF_PACKET", PROTO = "ALL" },
    { PID = 5, COMM = "x", FAMILY = "AF_PACKET", PROTO = "ALL", SOCKET_FILTER = "cBPF ldh [x + 22]; jeq #0x7255 jt 2 jf 3; ret #0xffff; ret #0" } },
  misses = { { PID = 5, COMM = "x", FAMILY = "AF_INET", TYPE = "RAW" } },
}

rule {
  id = "packet-backdoor",
  title = "{COMM} ({PID}) reads packets past the network stack, and hides what it is",
  severity = "high",
  plugins = { sockets = "FAMILY = AF_PACKET", deleted = "KIND = exe", spoofed = "SCORE = 3" },
  find = function(rows)
    local why, found = {}, {}
    for _, r in ipairs(rows.deleted) do why[r.PID] = "its program: " .. tostring(r.REASON) end
    for _, r in ipairs(rows.spoofed) do why[r.PID] = tostring(r.REASON) end
    for _, r in ipairs(rows.sockets) do
      if r.PID and why[r.PID] then
        found[#found + 1] = { PID = r.PID, COMM = r.COMM, PROTO = r.PROTO, SOCKET_FILTER = r.SOCKET_FILTER, REASON = why[r.PID] }
      end
    end
    return found
  end,
  key = { "PID" },
  show = { "COMM", "PROTO", "SOCKET_FILTER", "REASON" },
  why = "A process under a false name, or without a file, that waits for packets behind a filter: BPFDoor and its like.",
  benign = "A sniffer whose package was updated while it ran.",
  attack = "T1205.002",
  more = "sockets --pid {PID}",
  hits = { { sockets = { { PID = 5, COMM = "x", FAMILY = "AF_PACKET" } }, deleted = { { PID = 5, KIND = "exe", REASON = "removed" } } } },
  misses = { { sockets = { { PID = 5, COMM = "x", FAMILY = "AF_PACKET" } }, deleted = { { PID = 6, KIND = "exe", REASON = "removed" } } },
    { sockets = { { PID = 5, COMM = "x", FAMILY = "AF_PACKET" } }, spoofed = { { PID = 5, SCORE = 2 } } } },
}

rule {
  id = "xdp-program",
  title = "A BPF program sees packets of {INTERFACE} before the kernel",
  severity = "low",
  plugin = "xdp",
  key = { "NS", "INTERFACE" },
  show = { "KIND", "BPF_ID", "BPF_NAME", "LINK_ID", "HINTS" },
  where = "BPF_ID > 0",
  why = "It can take packets, answer them, or hide them from all else on the machine.",
  benign = "Load balancers, Cilium and the like, protection against floods.",
  attack = "T1205",
  hits = { { NS = 1, INTERFACE = "eth0", BPF_ID = 7 } },
  misses = { { NS = 1, INTERFACE = "eth0" } },
}
