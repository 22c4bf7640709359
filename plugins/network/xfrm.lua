-- xfrm - IPsec: which packets are to be protected (policies) and how (states), as `ip xfrm`, without keys.

local families = { [2] = "AF_INET", [10] = "AF_INET6" }
local protos = { [0] = "any", [43] = "ROUTE2", [50] = "ESP", [51] = "AH", [60] = "HAO", [108] = "IPCOMP" }
local upper = { [1] = "icmp", [6] = "tcp", [17] = "udp", [47] = "gre", [58] = "ipv6-icmp", [132] = "sctp" }
local modes = { [0] = "transport", "tunnel", "ro", "in_trigger", "beet", "iptfs" } -- XFRM_MODE_..., include/uapi/linux/xfrm.h
local states = { [0] = "VOID", "ACQUIRING", "VALID", "ERROR", "EXPIRED", "DEAD" } -- include/uapi/linux/xfrm.h, net/xfrm.h
local ways = { [0] = "in", "out", "fwd", "socket in", "socket out", "socket fwd" }
local none = -1 -- XFRM_INF: ~0

local function number(x) return eg.value(x, 0) end
local function is_set(c) return eg.ok(c) and (eg.address(c) or 0) ~= 0 end

local function be16(k, c, member)
  local bytes = eg.read(k, eg.address_of(c, member), 2)
  return bytes and string.unpack(">I2", bytes) or 0
end

-- An xfrm_address_t.
local function address(c, path, family) return linux.ip(eg.at(c, path .. (family == 10 and ".in6" or ".a4"))) end

local function network(c, path, bits, family)
  local text = address(c, path, family)
  return bits == 0 and "any" or eg.ok(text) and text .. "/" .. bits or "?"
end

local function selector(k, net, sel)
  local family = number(sel.family)
  if not families[family] then return end
  local parts = {
    network(sel, "saddr", number(sel.prefixlen_s), family), "->", network(sel, "daddr", number(sel.prefixlen_d), family),
  }
  if number(sel.proto) ~= 0 then parts[#parts + 1] = upper[sel.proto] or "proto " .. sel.proto end
  for _, side in ipairs { "sport", "dport" } do
    if number(sel[side .. "_mask"]) ~= 0 then parts[#parts + 1] = side .. " " .. be16(k, sel, side) end
  end
  if number(sel.ifindex) ~= 0 then
    parts[#parts + 1] = "dev " .. eg.value(linux.ifname(net, eg.at(sel, "ifindex")), sel.ifindex)
  end
  return table.concat(parts, " ")
end

local function algorithm(a)
  return is_set(a) and eg.value(a.alg_name, "?") .. " (" .. number(a.alg_key_len) .. " bits)" or nil
end

local function limits(lft)
  local parts = {}
  for _, what in ipairs { "byte_limit", "packet_limit", "add_expires_seconds", "use_expires_seconds" } do
    for _, how in ipairs { "soft", "hard" } do
      local value = eg.value(lft[how .. "_" .. what], 0)
      if value ~= none and value ~= 0 then
        parts[#parts + 1] = how .. " " .. what:gsub("_limit", "s"):gsub("_expires_seconds", " seconds") .. " " .. value
      end
    end
  end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

local function seconds(x)
  local value = eg.value(x, 0)
  return value > 0 and value < 1 << 33 and value * 1000000000 or nil
end

local function mark(m)
  local value, mask = number(m.v), number(m.m)
  return (value ~= 0 or mask ~= 0) and string.format("%#x/%#x", value, mask) or nil
end

-- What a policy wants done to its packets: at most XFRM_MAX_DEPTH.
local function templates(p)
  local parts, n = {}, number(p.xfrm_nr)
  for i = 0, math.min(n, #p.xfrm_vec) - 1 do
    local t = p.xfrm_vec[i]
    local family = number(t.encap_family)
    local text = string.lower(protos[number(t.id.proto)] or tostring(t.id.proto)) .. " " .. (modes[number(t.mode)] or tostring(t.mode))
    if number(t.mode) ~= 0 and families[family] then
      text = text .. " " .. eg.value(address(t, "saddr", family), "?") .. " -> " .. eg.value(address(t, "id.daddr", family), "?")
    end
    if number(t.reqid) ~= 0 then text = text .. " reqid " .. t.reqid end
    parts[#parts + 1] = text
  end
  return #parts > 0 and table.concat(parts, "; ") or nil
end

return plugin {
  name = "xfrm",
  os = "linux",
  help = "List IPsec policies and states (security associations), without keys",
  manual = "As `ip xfrm policy` and `ip xfrm state`: a policy says which packets (SELECTOR) are protected, a state how, between which two "
    .. "machines, with which algorithms. Keys are not shown. A state that a network card works on can have been used "
    .. "more than its counts say.",
  aliases = { "ipsec" },
  columns = {
    { "OFFSET", "addr", "address of the xfrm_policy or xfrm_state", "minor" },
    { "NS", "int", "inode number of the network namespace" },
    { "KIND", "text", "policy, state" },
    { "DIRECTION", "text", "in, out, fwd; of one socket only: socket in, socket out" },
    { "SELECTOR", "text", "the packets that it is for: source -> destination, protocol, ports", "whole" },
    { "ACTION", "text", "of a policy: allow, block" },
    { "PRIORITY", "int", "of several policies the one with the lowest is taken", "minor" },
    { "TEMPLATES", "text", "what a policy wants done", "list" },
    { "SOURCE_ADDR", "text", "of a state: who sends", "whole" },
    { "DESTINATION_ADDR", "text", "of a state: who receives", "whole" },
    { "PROTO", "text", "ESP, AH, IPCOMP", "minor" },
    { "SPI", "text", "the number that its packets bear" },
    { "XFRM_MODE", "text", "transport, tunnel, beet", "minor" },
    { "STATE", "text", "VALID, ACQUIRING, EXPIRED", "minor" },
    { "AUTHENTICATION", "text", "algorithm, and length of its key", "minor" },
    { "ENCRYPTION", "text", "algorithm, and length of its key; one that does both is here" },
    { "COMPRESSION", "text", "algorithm", "minor" },
    { "ENCAPSULATION", "text", "UDP ports where packets travel within UDP", "minor" },
    { "REQID", "int", "joins policies and states", "minor" },
    { "TRANSFERRED", "int", "bytes that it was used for", "minor" },
    { "PACKETS", "int", "packets that it was used for", "minor" },
    { "ADDED", "time", "when it was made", "minor" },
    { "FIRST_USED", "time", "when it was first used", "minor" },
    { "LIMITS", "text", "after how many bytes, packets or seconds it ends (hard) or is renewed (soft)", "minor" },
    { "PACKET_MARK", "text", "mark of packets, and its mask", "minor" },
    { "IF_ID", "int", "number of the xfrm interface that it is for", "minor" },
  },
  args = { { "ns", "int", "only these network namespaces" } },
  needs = { "net.xfrm", "xfrm_state.km", "xfrm_policy.walk" },
  uses = { "nets", "ip", "ifname" },
  run = function(k, _, row)
    local function common(net, x, kind)
      return {
        OFFSET = x, NS = net.ns.inum, KIND = kind, TRANSFERRED = x.curlft.bytes, PACKETS = x.curlft.packets,
        ADDED = seconds(x.curlft.add_time), FIRST_USED = seconds(x.curlft.use_time), LIMITS = limits(x.lft), PACKET_MARK = mark(x.mark),
        IF_ID = eg.has(x, "if_id") and number(x.if_id) ~= 0 and x.if_id or nil,
      }
    end

    local function policy(net, p)
      local c = common(net, p, "policy")
      c.DIRECTION = ways[number(p.index) & 7]
      c.SELECTOR = selector(k, net, p.selector)
      c.ACTION = number(p.action) == 0 and "allow" or "block" -- XFRM_POLICY_ALLOW
      c.PRIORITY, c.TEMPLATES = p.priority, templates(p)
      row(c)
    end

    local function state(net, x)
      local c, family = common(net, x, "state"), number(x.props.family)
      if eg.has(x, "dir") then c.DIRECTION = ({ "in", "out" })[number(x.dir)] end -- since 6.10
      c.SELECTOR = selector(k, net, x.sel)
      if families[family] then
        c.SOURCE_ADDR, c.DESTINATION_ADDR = address(x, "props.saddr", family), address(x, "id.daddr", family)
      end
      c.PROTO = protos[number(x.id.proto)] or tostring(x.id.proto)
      local spi = eg.read(k, eg.address_of(x, "id.spi"), 4)
      c.SPI = spi and string.format("0x%08x", (string.unpack(">I4", spi)))
      c.XFRM_MODE = modes[number(x.props.mode)] or tostring(x.props.mode)
      c.STATE = states[number(x.km.state)] or tostring(x.km.state)
      c.REQID = number(x.props.reqid) ~= 0 and x.props.reqid or nil
      c.AUTHENTICATION, c.COMPRESSION = algorithm(x.aalg), algorithm(x.calg)
      c.ENCRYPTION = algorithm(x.aead) or algorithm(x.ealg)
      if is_set(x.encap) then
        c.ENCAPSULATION = string.format("%s %d -> %d", number(x.encap.encap_type) == 7 and "tcp" or "udp",
          be16(k, eg.deref(x.encap), "encap_sport"), be16(k, eg.deref(x.encap), "encap_dport"))
      end
      row(c)
    end

    for net in linux.nets(k) do
      if eg.matches("ns", eg.value(net.ns.inum, -1)) then
        -- A program that lists them has a mark on the list, too, which is dead (net/xfrm/xfrm_policy.c).
        for p in eg.list(eg.at(net, "xfrm.policy_all"), "xfrm_policy", "walk.all") do
          if number(p.walk.dead) == 0 then policy(net, p) end
        end
        for x in eg.list(eg.at(net, "xfrm.state_all"), "xfrm_state", "km.all") do
          if number(x.km.state) ~= 5 then state(net, x) end
        end
      end
    end
  end,
}
