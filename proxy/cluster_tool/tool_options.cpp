// SPDX-License-Identifier: Apache-2.0
#include "proxy/cluster_tool/tool_options.h"

#include <charconv>
#include <fstream>
#include <utility>

namespace slotway::proxy {
namespace {

using runtime::Fail;
using runtime::Result;
using Problem = std::optional<std::string>;

constexpr int kReplicasMax = 100;
constexpr int kNodesMax = 1000;
constexpr int kWaitSecondsMax = 86'400;
constexpr double kWeightMax = 1000;

struct Option {
  std::string_view name;
  Problem (*set)(ToolOptions& options, std::string_view value);
  std::vector<ToolAction> actions = {};  // empty: all
  bool takes_value = true;
};

std::optional<int> ParseNumber(std::string_view text, int min, int max) {
  int number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole && number >= min && number <= max ? std::optional(number) : std::nullopt;
}

Problem SetReplicas(ToolOptions& options, std::string_view value) {
  options.replicas = ParseNumber(value, 0, kReplicasMax);
  if (options.replicas) return std::nullopt;
  return "needs a number from 0 to " + std::to_string(kReplicasMax);
}

Problem SetWantedNodes(ToolOptions& options, std::string_view value) {
  options.wanted_nodes = ParseNumber(value, 1, kNodesMax);
  if (options.wanted_nodes) return std::nullopt;
  return "needs a number from 1 to " + std::to_string(kNodesMax);
}

Problem SetEvery(ToolOptions& options, std::string_view value) {
  auto seconds = ParseNumber(value, 1, kWaitSecondsMax);
  if (!seconds) return "needs a number of seconds";
  options.every_ms = static_cast<std::uint64_t>(*seconds) * 1000;
  return std::nullopt;
}

Problem SetWait(ToolOptions& options, std::string_view value) {
  auto seconds = ParseNumber(value, 1, kWaitSecondsMax);
  if (!seconds) return "needs a number of seconds";
  options.wait_ms = static_cast<std::uint64_t>(*seconds) * 1000;
  return std::nullopt;
}

Problem SetWeight(ToolOptions& options, std::string_view value) {
  const std::size_t equals = value.rfind('=');
  double weight = 0;
  if (equals == std::string_view::npos || equals == 0) return "needs NODE=WEIGHT";
  const std::string_view text = value.substr(equals + 1);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  const bool is_valid = error == std::errc() && end == text.data() + text.size() && weight >= 0 &&
                        weight <= kWeightMax;
  if (!is_valid) return "needs a weight from 0 to 1000";
  options.weights[std::string(value.substr(0, equals))] = weight;
  return std::nullopt;
}

Problem ReadPassword(ToolOptions& options, std::string_view value) {
  std::ifstream in{std::string(value)};
  if (!in || !std::getline(in, options.login.password)) {
    return "cannot be read: '" + std::string(value) + "'";
  }
  if (options.login.password.empty()) return "holds an empty first line";
  return std::nullopt;
}

Problem Switch(bool& is_on) {
  is_on = true;
  return std::nullopt;
}

Problem SetText(std::string& text, std::string_view value, std::string_view what) {
  text = value;
  return value.empty() ? Problem("needs " + std::string(what)) : std::nullopt;
}

// Whoever the authority vouches for is a node; nodes go by addresses that change.
Result<void> OpenTls(ToolOptions& options) {
  const runtime::TlsCertificate& own = options.tls_certificate;
  if (own.certificate_file.empty() != own.key_file.empty()) {
    return Fail("--tls-cert and --tls-key need each other");
  }
  if (options.tls_ca.empty()) {
    return own.key_file.empty() ? Result<void>() : Fail("--tls-cert needs --tls-ca");
  }
  runtime::TlsSettings settings;
  settings.ca_file = options.tls_ca;
  if (!own.key_file.empty()) settings.certificates = {own};
  auto context = runtime::TlsContext::Make(settings, runtime::TlsContext::Side::kClient);
  if (!context) return tl::unexpected(context.error());
  options.login.tls = *std::move(context);
  return {};
}

const std::vector<Option>& AllOptions() {
  using enum ToolAction;
  static const std::vector<Option> kOptions = {
      {"--replicas", SetReplicas, {kCreate, kConverge, kCheck, kKeep}},
      {"--nodes", SetWantedNodes, {kKeep}},
      {"--statefulset", [](auto& o, auto v) { return SetText(o.statefulset, v, "a name"); }, {kKeep, kLeave}},
      {"--account", [](auto& o, auto v) { return SetText(o.account_dir, v, "a folder"); }, {kKeep, kLeave}},
      {"--hostname", [](auto& o, auto v) { return SetText(o.hostname, v, "a name"); }, {kLeave}},
      {"--every", SetEvery, {kKeep, kLead}},
      {"--once", [](auto& o, auto) { return Switch(o.is_once); }, {kKeep, kLead}, false},
      {"--others-leave", [](auto& o, auto) { return Switch(o.do_others_leave); }, {kKeep}, false},
      {"--ready", [](auto& o, auto) { return Switch(o.wants_ready); }, {kHealthcheck}, false},
      {"--replica-of",
       [](auto& o, auto v) -> Problem {
         o.replica_of = v;
         return v.empty() ? Problem("needs a node") : std::nullopt;
       },
       {kAdd}},
      {"--weight", SetWeight, {kRebalance}},
      {"--wait", SetWait},
      {"--user",
       [](auto& o, auto v) -> Problem {
         o.login.user = v;
         return std::nullopt;
       }},
      {"--password",
       [](auto& o, auto v) -> Problem {
         o.login.password = v;
         return std::nullopt;
       }},
      {"--password-file", ReadPassword},
      {"--tls-ca", [](auto& o, auto v) { return SetText(o.tls_ca, v, "a file"); }},
      {"--tls-cert", [](auto& o, auto v) { return SetText(o.tls_certificate.certificate_file, v, "a file"); }},
      {"--tls-key", [](auto& o, auto v) { return SetText(o.tls_certificate.key_file, v, "a file"); }},
  };
  return kOptions;
}

struct Action {
  std::string_view name;
  ToolAction action;
  std::size_t nodes_min;
};

constexpr Action kActions[] = {
    {"create", ToolAction::kCreate, 1},     {"check", ToolAction::kCheck, 1},
    {"converge", ToolAction::kConverge, 1}, {"add", ToolAction::kAdd, 2},
    {"remove", ToolAction::kRemove, 2},     {"rebalance", ToolAction::kRebalance, 1},
    {"keep", ToolAction::kKeep, 1},         {"leave", ToolAction::kLeave, 1},
    {"lead", ToolAction::kLead, 1},         {"healthcheck", ToolAction::kHealthcheck, 1},
};

const Action* FindAction(std::string_view name) {
  for (const Action& action : kActions) {
    if (action.name == name) return &action;
  }
  return nullptr;
}

bool Takes(const Option& option, ToolAction action) {
  for (ToolAction taken : option.actions) {
    if (taken == action) return true;
  }
  return option.actions.empty();
}

// Takes the option at args[i], and its value, which may be the next argument.
Result<void> TakeOption(std::span<const std::string_view> args, std::size_t& i,
                        ToolOptions& options) {
  std::string_view name = args[i];
  std::optional<std::string_view> value;
  if (const std::size_t equals = name.find('='); equals != std::string_view::npos) {
    value = name.substr(equals + 1);
    name = name.substr(0, equals);
  }
  for (const Option& option : AllOptions()) {
    if (option.name != name || !Takes(option, options.action)) continue;
    if (!option.takes_value) {
      if (value) return Fail(std::string(name) + " takes no value");
      (void)option.set(options, {});
      return {};
    }
    if (!value && i + 1 == args.size()) return Fail(std::string(name) + " needs a value");
    if (!value) value = args[++i];
    if (Problem problem = option.set(options, *value)) {
      return Fail(std::string(name) + " " + *problem);
    }
    return {};
  }
  return Fail("unknown option '" + std::string(name) + "': see slotway cluster --help");
}

Result<void> CheckCount(const ToolOptions& options) {
  const bool is_said = options.wanted_nodes.has_value() != !options.statefulset.empty();
  if (options.action != ToolAction::kKeep || is_said) return {};
  return Fail("needs --nodes N or --statefulset NAME");
}

Result<void> CheckNodes(const ToolOptions& options, std::size_t nodes_min) {
  if (options.nodes.size() < nodes_min) {
    return Fail(nodes_min == 1 ? "needs a node, HOST:PORT"
                               : "needs a node of the cluster, HOST:PORT, and others behind it");
  }
  for (std::size_t i = 0; i < options.nodes.size(); ++i) {
    const bool may_be_id = (options.action == ToolAction::kRemove && i != 0) ||
                           (options.action == ToolAction::kHealthcheck &&
                            options.nodes[i].starts_with("http://"));
    if (!may_be_id && !protocol::ParseEndpoint(options.nodes[i])) {
      return Fail("'" + options.nodes[i] + "' is no HOST:PORT");
    }
  }
  return {};
}

}  // namespace

Result<ToolOptions> ParseToolOptions(
    std::span<const std::string_view> args,
    const std::function<const char*(const char* name)>& environment) {
  ToolOptions options;
  for (std::string_view arg : args) {
    if (arg == "--help" || arg == "-h") return options;
  }
  const Action* action = args.empty() ? nullptr : FindAction(args[0]);
  if (action == nullptr) {
    return Fail(
        "needs one of create, check, converge, add, remove, rebalance, keep, leave, lead, healthcheck: "
        "see slotway cluster --help");
  }
  options.action = action->action;
  if (const char* user = environment("SLOTWAY_USER")) options.login.user = user;
  if (const char* password = environment("SLOTWAY_PASSWORD")) options.login.password = password;
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (!args[i].starts_with("--")) {
      options.nodes.emplace_back(args[i]);
    } else if (auto taken = TakeOption(args, i, options); !taken) {
      return tl::unexpected(taken.error());
    }
  }
  if (auto checked = CheckNodes(options, action->nodes_min); !checked) {
    return tl::unexpected(checked.error());
  }
  if (auto checked = CheckCount(options); !checked) return tl::unexpected(checked.error());
  if (auto opened = OpenTls(options); !opened) return tl::unexpected(opened.error());
  return options;
}

std::string_view ToolHelp() {
  return R"(slotway cluster: forms, checks and reshapes a cluster

  create NODE... [--replicas R]     form a cluster of these nodes (R: 0)
  check NODE [--replicas R]         look at every node, say what is wrong
  converge NODE... [--replicas R]   finish what was interrupted: open slots, slots without an
                                    owner, nodes that have not met, missing replicas
  add NODE NEW... [--replica-of M]  take new nodes in: as masters without slots, or as replicas
  remove NODE GONE...               move the slots of these away, then forget them
  rebalance NODE [--weight N=W]...  give every master its share of the slots (W: 1)
  keep NODE... --statefulset NAME [--replicas R] [--every SECONDS] [--once]
                                    again and again: gives new pods slots or masters, empties those
                                    beyond the StatefulSet's count and forgets them. NODE may be a
                                    name of all. --nodes N says how many instead of Kubernetes;
                                    --others-leave: who is no such pod is replaced and forgotten
  leave NODE [--statefulset NAME]   before NODE, in this pod, is stopped: waits until it can hand over;
                                    or, beyond the StatefulSet's count, until keep has sent it away
                                    (--wait SECONDS, --hostname NAME)
  lead NODE... [--every SECONDS] [--once]
                                    of servers that are no cluster: one is the master, the others
                                    follow, and one of them is promoted when it is gone
  healthcheck NODE [--ready]        whether it lives, or serves. NODE may be http://HOST:PORT/PATH

NODE is HOST:PORT of a node of the cluster; the others are found through it. NEW is HOST:PORT of an
empty one. GONE, M and N are HOST:PORT or node ids. Clients go on meanwhile. A second run finds
nothing left to do. A run that was interrupted, at any point, is finished by running it again, and
slots that it left open by converge.

  --wait SECONDS       how long to wait for nodes to hear of each other (60)
  --user NAME          who to log in as (SLOTWAY_USER, or the default user)
  --password X         with this password (SLOTWAY_PASSWORD, or none)
  --password-file FILE the same, read from the first line of FILE
  --tls-ca FILE        speak TLS, with nodes whose certificates this authority signed
  --tls-cert FILE      the certificate to show, if nodes ask for one, and its key
  --tls-key FILE
  --help               this text

Works with Slotway's shards, Redis Cluster and Valkey Cluster. Exit codes: 0 all is well, 1 something
is not, 2 the command line is wrong.
)";
}

}  // namespace slotway::proxy
