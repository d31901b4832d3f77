// SPDX-License-Identifier: Apache-2.0
// CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR.
#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_session.h"
#include "proxy/client/session_registry.h"
#include "proxy/client/tracking.h"

namespace slotway::proxy {
namespace {

using protocol::EqualsNoCase;

constexpr std::string_view kNoSuchClient =
    "ERR The client ID you want redirect to does not exist";
constexpr std::string_view kTooMany =
    "ERR too many clients with tracking: limits.tracking_clients_max of the proxy is reached";

bool Overlap(std::string_view a, std::string_view b) { return a.starts_with(b) || b.starts_with(a); }

std::string OverlapText(std::string_view prefix, std::string_view kind, std::string_view other) {
  return "ERR Prefix '" + std::string(prefix) + "' overlaps with " + std::string(kind) +
         " prefix '" + std::string(other) + "'. Prefixes for a single client must not overlap.";
}

std::string FindOverlap(const TrackingOptions* now, const std::vector<std::string>& asked) {
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (now != nullptr) {
      for (const std::string& prefix : now->prefixes) {
        if (Overlap(asked[i], prefix)) return OverlapText(asked[i], "an existing", prefix);
      }
    }
    for (std::size_t j = i + 1; j < asked.size(); ++j) {
      if (Overlap(asked[i], asked[j])) return OverlapText(asked[i], "another provided", asked[j]);
    }
  }
  return {};
}

// The options behind ON or OFF; an error's text if they are none.
std::string ReadOptions(std::span<const std::string_view> args, TrackingOptions& options) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    bool has_more = i + 1 < args.size();
    if (EqualsNoCase(args[i], "redirect") && has_more) {
      if (options.redirect != 0) return "ERR A client can only redirect to a single other client";
      auto id = protocol::ParseInteger(args[++i]);
      if (!id) return std::string(protocol::error_text::kNotInteger);
      if (*id <= 0) return std::string(kNoSuchClient);
      options.redirect = static_cast<std::uint64_t>(*id);
    } else if (EqualsNoCase(args[i], "bcast")) {
      options.is_bcast = true;
    } else if (EqualsNoCase(args[i], "optin")) {
      options.is_optin = true;
    } else if (EqualsNoCase(args[i], "optout")) {
      options.is_optout = true;
    } else if (EqualsNoCase(args[i], "noloop")) {
      options.is_noloop = true;
    } else if (EqualsNoCase(args[i], "prefix") && has_more) {
      options.prefixes.emplace_back(args[++i]);
    } else {
      return std::string(protocol::error_text::kSyntax);
    }
  }
  return {};
}

// Why these options cannot be taken, given those that hold now; in Redis's order.
std::string FindConflict(const TrackingOptions* now, const TrackingOptions& asked) {
  if (!asked.is_bcast && !asked.prefixes.empty()) {
    return "ERR PREFIX option requires BCAST mode to be enabled";
  }
  if (now != nullptr && now->is_bcast != asked.is_bcast) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  if (asked.is_bcast && (asked.is_optin || asked.is_optout)) {
    return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  }
  if (asked.is_optin && asked.is_optout) {
    return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  }
  if (now != nullptr && ((asked.is_optin && now->is_optout) || (asked.is_optout && now->is_optin))) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  return asked.is_bcast ? FindOverlap(now, asked.prefixes) : std::string();
}

// An answer that comes later. The session stays while it is owed.
struct LaterAnswer {
  ClientSession& session;
  ReplyQueue& queue;
  ReplyQueue::Sequence place;

  void Give(std::string_view error) const {
    std::string reply;
    protocol::StringSink sink{reply};
    LocalWriter writer(sink, session.State().resp);
    if (error.empty()) {
      writer.Ok();
    } else {
      writer.Error(error);
    }
    queue.Deliver(place, reply);
    session.ReleaseRequests();
  }
};

void SwitchOn(const LaterAnswer& answer, TrackingOptions options) {
  if (answer.session.IsGone()) return answer.Give({});
  answer.session.StartTracking(std::move(options), [answer] { answer.Give({}); });
}

// Asks every worker whether the client to redirect to lives there.
struct Search {
  LaterAnswer answer;
  TrackingOptions options;
  std::size_t missing;
  bool is_found = false;

  void Note(std::size_t worker, bool is_there) {
    if (is_there) {
      is_found = true;
      options.redirect_worker = worker;
    }
    if (--missing > 0) return;
    if (is_found) return SwitchOn(answer, std::move(options));
    answer.Give(kNoSuchClient);
  }
};

void FindRedirect(LocalCall& call, const LaterAnswer& answer, TrackingOptions options) {
  const Colleagues& colleagues = call.session.Services().colleagues;
  std::uint64_t target = options.redirect;
  std::size_t own = colleagues.own_index;
  // shared: by the questions that are on their way.
  auto search =
      std::make_shared<Search>(Search{answer, std::move(options), colleagues.count, false});
  for (std::size_t worker = 0; worker < colleagues.count; ++worker) {
    colleagues.post(worker, [target, own, worker, search](WorkerServices& services) {
      ClientSession* client = services.sessions.Find(target);
      bool is_there = client != nullptr && !client->IsGone();
      services.colleagues.post(own, [worker, is_there, search](WorkerServices&) {
        search->Note(worker, is_there);
      });
    });
  }
}

void SetTracking(LocalCall& call) {
  ClientSession& session = call.session;
  Tracking* tracking = session.OwnTracking();
  TrackingOptions options;
  std::string error = ReadOptions(call.args.subspan(3), options);
  bool is_on = EqualsNoCase(call.args[2], "on");
  if (error.empty() && !is_on && !EqualsNoCase(call.args[2], "off")) {
    error = protocol::error_text::kSyntax;
  }
  if (!error.empty()) return call.reply.Error(error);
  if (!is_on) {
    session.StopTracking();
    return call.reply.Ok();
  }
  const TrackingOptions* now = tracking == nullptr ? nullptr : &tracking->Options();
  error = FindConflict(now, options);
  if (!error.empty()) return call.reply.Error(error);
  const WorkerServices& services = session.Services();
  std::uint64_t share =
      std::max<std::uint64_t>(1, services.settings.limits.tracking_clients_max /
                                     services.colleagues.count);
  if (tracking == nullptr && services.counters.tracking_clients.Get() >= share) {
    return call.reply.Error(kTooMany);
  }
  if (options.is_bcast && options.prefixes.empty() && now == nullptr) options.prefixes = {""};
  if (now != nullptr) {
    options.prefixes.insert(options.prefixes.begin(), now->prefixes.begin(), now->prefixes.end());
  }
  session.HoldRequests();
  LaterAnswer answer{session, session.Replies(), session.OpenPlace()};
  if (options.redirect != 0) return FindRedirect(call, answer, std::move(options));
  SwitchOn(answer, std::move(options));
}

void SetCaching(LocalCall& call) {
  Tracking* tracking = call.session.OwnTracking();
  if (tracking == nullptr) {
    return call.reply.Error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  }
  bool is_yes = EqualsNoCase(call.args[2], "yes");
  if (!is_yes && !EqualsNoCase(call.args[2], "no")) {
    return call.reply.Error(protocol::error_text::kSyntax);
  }
  if (is_yes && !tracking->Options().is_optin) {
    return call.reply.Error(
        "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
  }
  if (!is_yes && !tracking->Options().is_optout) {
    return call.reply.Error(
        "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
  }
  tracking->SetCaching(is_yes ? Tracking::Caching::kYes : Tracking::Caching::kNo);
  call.reply.Ok();
}

void ShowTracking(LocalCall& call) {
  const Tracking* tracking = call.session.OwnTracking();
  std::vector<std::string_view> flags;
  std::int64_t redirect = -1;
  std::vector<std::string> prefixes;
  if (tracking == nullptr) {
    flags.push_back("off");
  } else {
    const TrackingOptions& options = tracking->Options();
    flags.push_back("on");
    if (options.is_bcast) flags.push_back("bcast");
    if (options.is_optin) flags.push_back("optin");
    if (tracking->GetCaching() == Tracking::Caching::kYes) flags.push_back("caching-yes");
    if (options.is_optout) flags.push_back("optout");
    if (tracking->GetCaching() == Tracking::Caching::kNo) flags.push_back("caching-no");
    if (options.is_noloop) flags.push_back("noloop");
    if (tracking->IsRedirectBroken()) flags.push_back("broken_redirect");
    redirect = static_cast<std::int64_t>(options.redirect);
    prefixes = options.prefixes;
    std::sort(prefixes.begin(), prefixes.end());
  }
  call.reply.Map(3);
  call.reply.Bulk("flags");
  call.reply.Set(flags.size());
  for (std::string_view flag : flags) call.reply.Bulk(flag);
  call.reply.Bulk("redirect");
  call.reply.Integer(redirect);
  call.reply.Bulk("prefixes");
  call.reply.Array(prefixes.size());
  for (const std::string& prefix : prefixes) call.reply.Bulk(prefix);
}

void GetRedirect(LocalCall& call) {
  const Tracking* tracking = call.session.OwnTracking();
  call.reply.Integer(tracking == nullptr ? -1
                                         : static_cast<std::int64_t>(tracking->Options().redirect));
}

constexpr std::array kCommands = {
    LocalCommand{"client|tracking", SetTracking, true},
    LocalCommand{"client|caching", SetCaching},
    LocalCommand{"client|trackinginfo", ShowTracking},
    LocalCommand{"client|getredir", GetRedirect},
};

}  // namespace

std::span<const LocalCommand> TrackingCommands() { return kCommands; }

}  // namespace slotway::proxy
