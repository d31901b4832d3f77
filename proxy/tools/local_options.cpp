// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_options.h"

#include <arpa/inet.h>
#include <charconv>
#include <fstream>
#include <functional>
#include <optional>

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;
using Problem = std::optional<std::string>;

struct Option {
  std::string_view name;
  Problem (*set)(LocalClusterOptions& options, std::string_view value);
};

template <class T>
Problem SetNumber(T& field, std::string_view value, long min, long max) {
  long number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < min || number > max) {
    return "needs a number from " + std::to_string(min) + " to " + std::to_string(max) + ", not '" +
           std::string(value) + "'";
  }
  field = static_cast<T>(number);
  return std::nullopt;
}

Problem SetText(std::string& field, std::string_view value) {
  if (value.empty()) return "needs a value";
  field = value;
  return std::nullopt;
}

Problem SetBind(LocalClusterOptions& options, std::string_view value) {
  std::string address(value);
  in6_addr ignored;
  if (inet_pton(AF_INET, address.c_str(), &ignored) != 1 &&
      inet_pton(AF_INET6, address.c_str(), &ignored) != 1) {
    return "needs a numeric address such as 127.0.0.1 or 0.0.0.0, not '" + address + "'";
  }
  options.bind = address;
  return std::nullopt;
}

Problem ReadPassword(LocalClusterOptions& options, std::string_view value) {
  std::ifstream in{std::string(value)};
  if (!in || !std::getline(in, options.password)) {
    return "cannot be read: '" + std::string(value) + "'";
  }
  if (options.password.empty()) return "holds an empty first line";
  return std::nullopt;
}

constexpr Option kOptions[] = {
    {"--shards", [](auto& o, auto v) { return SetNumber(o.shards, v, 1, kLocalNodesMax); }},
    {"--replicas", [](auto& o, auto v) { return SetNumber(o.replicas, v, 0, kLocalNodesMax); }},
    {"--port", [](auto& o, auto v) { return SetNumber(o.port, v, 0, 65535); }},
    {"--admin-port", [](auto& o, auto v) { return SetNumber(o.admin_port, v, 0, 65535); }},
    {"--base-port", [](auto& o, auto v) { return SetNumber(o.base_port, v, 1, 55535); }},
    {"--workers", [](auto& o, auto v) { return SetNumber(o.workers, v, 0, 1024); }},
    {"--bind", SetBind},
    {"--password", [](auto& o, auto v) { return SetText(o.password, v); }},
    {"--password-file", ReadPassword},
    {"--dir",
     [](auto& o, auto v) -> Problem {
       if (v.empty()) return "needs a folder";
       o.dir = v;
       return std::nullopt;
     }},
    {"--shard-program",
     [](auto& o, auto v) -> Problem {
       if (v.empty()) return "needs a file";
       o.shard_program = v;
       return std::nullopt;
     }},
};

const Option* FindOption(std::string_view name) {
  for (const Option& option : kOptions) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

}  // namespace

Result<LocalClusterOptions> ParseLocalOptions(std::span<const std::string_view> args) {
  LocalClusterOptions options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    std::string_view name = args[i];
    if (name == "--help" || name == "-h") {
      options.wants_help = true;
      return options;
    }
    std::size_t equals = name.find('=');
    std::string_view value;
    bool has_value = equals != std::string_view::npos;
    if (has_value) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    const Option* option = FindOption(name);
    if (option == nullptr) {
      return Fail("unknown option '" + std::string(name) + "': see slotway local --help");
    }
    if (!has_value) {
      if (i + 1 == args.size()) return Fail(std::string(name) + " needs a value");
      value = args[++i];
    }
    if (Problem problem = option->set(options, value)) {
      return Fail(std::string(name) + " " + *problem);
    }
  }
  if (options.shards * (1 + options.replicas) > kLocalNodesMax) {
    return Fail("--shards and --replicas make " +
                std::to_string(options.shards * (1 + options.replicas)) + " processes; at most " +
                std::to_string(kLocalNodesMax) + " are allowed");
  }
  if (options.port != 0 && options.port == options.admin_port) {
    return Fail("--port and --admin-port are the same");
  }
  return options;
}

std::string_view LocalHelp() {
  return R"(slotway local: a whole cluster on this machine, behind one port

Starts shard processes, gives each its slots, starts the proxy in front of them and says how to
connect. Ctrl-C stops all of it.

  --shards N           masters, each with its share of the slots (3)
  --replicas R         replicas of each master (1)
  --port P             port of the proxy; 0: any free one (32200)
  --bind ADDRESS       address of the proxy (127.0.0.1); shards listen on 127.0.0.1 only
  --password X         password of the proxy and the shards (one is made and printed)
  --password-file FILE the same, read from the first line of FILE
  --dir D              folder of settings and logs, kept (a temporary one, removed at the end)
  --admin-port P       port of metrics and health checks; 0: none (32280)
  --workers N          threads of the proxy; 0: one per core (0)
  --base-port P        port of the first shard, the others follow (any free ones)
  --shard-program FILE the shard's program (slotway-shard beside this one)
  --help               this text
)";
}

}  // namespace slotway::proxy
