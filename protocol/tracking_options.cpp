// SPDX-License-Identifier: Apache-2.0
#include "protocol/tracking_options.h"

#include "protocol/ascii.h"
#include "protocol/error_text.h"

namespace slotway::protocol {
namespace {

bool Overlap(std::string_view a, std::string_view b) {
  return a.starts_with(b) || b.starts_with(a);
}

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

}  // namespace

std::string ReadTrackingOptions(std::span<const std::string_view> args, TrackingOptions& options) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    bool has_more = i + 1 < args.size();
    if (EqualsNoCase(args[i], "redirect") && has_more) {
      if (options.redirect != 0) return "ERR A client can only redirect to a single other client";
      auto id = ParseInteger(args[++i]);
      if (!id) return std::string(error_text::kNotInteger);
      if (*id <= 0) return std::string(kNoRedirectClient);
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
      return std::string(error_text::kSyntax);
    }
  }
  return {};
}

// In Redis's order.
std::string FindTrackingConflict(const TrackingOptions* now, const TrackingOptions& asked) {
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
  if (now != nullptr &&
      ((asked.is_optin && now->is_optout) || (asked.is_optout && now->is_optin))) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  return asked.is_bcast ? FindOverlap(now, asked.prefixes) : std::string();
}

std::string ReadCaching(const TrackingOptions* options, std::string_view word,
                        TrackingCaching& caching) {
  if (options == nullptr) {
    return "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN "
           "or "
           "OPTOUT mode enabled";
  }
  const bool is_yes = EqualsNoCase(word, "yes");
  if (!is_yes && !EqualsNoCase(word, "no")) return std::string(error_text::kSyntax);
  if (is_yes && !options->is_optin) {
    return "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.";
  }
  if (!is_yes && !options->is_optout) {
    return "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.";
  }
  caching = is_yes ? TrackingCaching::kYes : TrackingCaching::kNo;
  return {};
}

}  // namespace slotway::protocol
