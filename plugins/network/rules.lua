-- rules - which table of routes is asked for which packet, as `ip rule`.

local families = { [2] = "AF_INET", [10] = "AF_INET6", [128] = "IPMR", [129] = "IP6MR" } -- the last two: of multicast
local actions = { [1] = "lookup", [2] = "goto", [3] = "nop", [6] = "blackhole", [7] = "unreachable", [8] = "prohibit" }
local protocols = { [1] = "icmp", [6] = "tcp", [17] = "udp", [33] = "dccp", [58] = "ipv6-icmp", [132] = "sctp" }

local function number(x) return eg.value(x, 0) end

local function network(bytes_at, bits)
  bits = eg.value(bits, -1)
  if bits == 0 then return "all" end
  local text = linux.ip(bytes_at)
  if not eg.ok(text) or bits < 0 or bits > 128 then return text end
  return (bits == 32 and not text:find(":") or bits == 128) and text or text .. "/" .. bits
end

-- What else a packet must be, in the words of `ip rule`.
local function selector(rule)
  local parts = {}
  local function add(...) parts[#parts + 1] = string.format(...) end
  local function range(word, member)
    if not eg.has(rule, member) then return end
    local first, last = number(rule[member].start), number(rule[member]["end"])
    if first ~= 0 or last ~= 0 then add(first == last and "%s %d" or "%s %d-%d", word, first, last) end
  end
  if number(rule.flags) & 2 ~= 0 then add("not") end -- FIB_RULE_INVERT
  for _, word in ipairs { "iif", "oif" } do
    local name = eg.value(rule[word .. "name"], "")
    if name ~= "" then add("%s %s", word, name) end
  end
  local mark, mask = number(rule.mark), number(rule.mark_mask)
  if mark ~= 0 or mask ~= 0 then add(mask == 0xffffffff and "fwmark %#x" or "fwmark %#x/%#x", mark, mask) end
  if eg.has(rule, "uid_range") then
    local first, last = rule.uid_range.start.val, rule.uid_range["end"].val
    if eg.ok(first) and eg.ok(last) and not (first == 0 and last == 0xffffffff) and first ~= 0xffffffff then
      add("uidrange %d-%d", first, last)
    end
  end
  if eg.has(rule, "ip_proto") and number(rule.ip_proto) ~= 0 then
    add("ipproto %s", protocols[rule.ip_proto] or rule.ip_proto)
  end
  range("sport", "sport_range")
  range("dport", "dport_range")
  if eg.has(rule, "tun_id") and number(rule.tun_id) ~= 0 then add("tun_id %#x", rule.tun_id) end
  return #parts > 0 and table.concat(parts, " ") or nil
end

return plugin {
  name = "rules",
  os = "linux",
  help = "List the rules that choose a table of routes for a packet",
  manual = "As `ip rule` and `ip -6 rule`, of each network namespace. The rule with the lowest PRIORITY is tried first. A namespace "
    .. "whose rules are the three that each begins with has them all the same. How often a rule was used is not "
    .. "shown: the kernel does not count that.",
  aliases = { "rule" },
  columns = {
    { "OFFSET", "addr", "address of the fib_rule", "minor" },
    { "NS", "int", "inode number of the network namespace" },
    { "FAMILY", "text", "AF_INET, AF_INET6; IPMR and IP6MR: of multicast" },
    { "PRIORITY", "int", "the lowest is tried first" },
    { "FROM", "text", "for packets from this network" },
    { "TO", "text", "for packets to this network" },
    { "SELECTOR", "text", "what else a packet must be: mark, interface, user, ports" },
    { "ACTION", "text", "lookup (in ROUTE_TABLE), goto, nop, blackhole, unreachable, prohibit" },
    { "ROUTE_TABLE", "text", "main, local, default or a number; of goto the priority to go on with" },
    { "SUPPRESS", "text", "what it does not take from the table: prefixlength, ifgroup", "minor" },
    { "ORIGIN", "text", "who made it: kernel, boot, static", "minor" },
  },
  args = { { "ns", "int", "only these network namespaces" } },
  needs = { "net.rules_ops", "fib_rules_ops.rules_list", "fib_rule.list", "fib_rule.pref" },
  uses = { "nets", "ip", "route_table" },
  key = { "NS", "FAMILY", "PRIORITY", "FROM", "TO", "SELECTOR", "ACTION" },
  run = function(k, _, row)
    local function emit(net, family, rule)
      local kind = family == 2 and "fib4_rule" or family == 10 and "fib6_rule"
      local own = kind and eg.has_type(kind) and eg.object(k, kind, eg.address(rule))
      local from, to, suppress = nil, nil, {}
      if own and family == 2 then
        from, to = network(eg.at(own, "src"), own.src_len), network(eg.at(own, "dst"), own.dst_len)
      elseif own then
        from, to = network(eg.at(own, "src.addr"), own.src.plen), network(eg.at(own, "dst.addr"), own.dst.plen)
      end
      local length, group = eg.value(rule.suppress_prefixlen, -1), eg.value(rule.suppress_ifgroup, -1)
      if length ~= -1 then suppress[1] = "prefixlength " .. length end
      if group ~= -1 then suppress[#suppress + 1] = "ifgroup " .. group end
      local action = actions[number(rule.action)] or rule.action
      local tab
      if eg.has(rule, "l3mdev") and number(rule.l3mdev) ~= 0 then
        tab = "l3mdev"
      elseif action == "lookup" then
        tab = linux.route_table(eg.at(rule, "table"))
      elseif action == "goto" then
        tab = tostring(rule.target)
      end
      row {
        OFFSET = rule, NS = net.ns.inum, FAMILY = families[family] or tostring(family), PRIORITY = rule.pref,
        FROM = from, TO = to, SELECTOR = selector(rule), ACTION = action, ROUTE_TABLE = tab, SUPPRESS = suppress[1] and table.concat(suppress, " "),
        ORIGIN = eg.has(rule, "proto") and linux.route_origin(eg.at(rule, "proto")) or nil,
      }
    end

    for net in linux.nets(k) do
      if eg.matches("ns", eg.value(net.ns.inum, -1)) then
        for ops in eg.list(net.rules_ops, "fib_rules_ops", "list") do
          for rule in eg.list(ops.rules_list, "fib_rule", "list") do emit(net, eg.value(ops.family, 0), rule) end
        end
      end
    end
  end,
}
