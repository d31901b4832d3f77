// SPDX-License-Identifier: Apache-2.0
// What a session keeps between WATCH or MULTI and EXEC. A value.
#pragma once

#include <memory>

#include "proxy/client/transaction_queue.h"
#include "proxy/client/watch.h"

namespace slotway::proxy {

struct Transaction {
  TransactionQueue queue;
  std::unique_ptr<Watch> watch;  // nullptr: nothing is watched
};

}  // namespace slotway::proxy
