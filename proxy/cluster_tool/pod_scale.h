// SPDX-License-Identifier: Apache-2.0
// How many pods a StatefulSet is to have, asked of Kubernetes by one of its pods.
//
// That number is the one truth from which a pod learns whether it was stopped to come back or to go:
// the pods that it exceeds are stopped after it was changed. Needs the right to get statefulsets/scale
// and the pod's service account. Blocks; one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace slotway::proxy {

struct PodScaleQuestion {
  std::string statefulset;
  std::string account_dir;  // token, namespace and ca.crt of the service account
  std::string host, port;   // of the API server
};

runtime::Result<int> AskPodScale(const PodScaleQuestion& question);

// spec.replicas of a Scale in JSON, 0 if it is left out; an error if it is no Scale.
runtime::Result<int> ReadScale(std::string_view json);

// "redis-shard-12" of "redis-shard": 12. Also of "redis-shard-12.redis.default.svc".
std::optional<int> OrdinalOf(std::string_view host, std::string_view statefulset);
// Whatever the name in front of the last '-' of the first label is.
std::optional<int> OrdinalOf(std::string_view host);

}  // namespace slotway::proxy
