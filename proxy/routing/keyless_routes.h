// SPDX-License-Identifier: Apache-2.0
// How commands without keys travel, where their row's policies do not say.
//
// Constant data; what policies do say is not repeated here.
#pragma once

#include <span>
#include <string_view>

#include "proxy/routing/request_plan.h"

namespace slotway::proxy {

struct KeylessRoute {
  std::string_view full_name;  // as in the command table
  Route route;                 // kAnyShard or kAllShards
  MergeRule merge = MergeRule::kAllSucceeded;
};
std::span<const KeylessRoute> KeylessRoutes();

// A command that the proxy refuses for a reason that lies in the cluster, whatever is behind it.
struct Refusal {
  std::string_view full_name;
  std::string_view text;    // the error, Redis's own where Redis refuses it in a cluster
  std::string_view reason;  // for the documentation
};
std::span<const Refusal> Refusals();

}  // namespace slotway::proxy
