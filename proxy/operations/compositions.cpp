// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/compositions.h"

namespace slotway::proxy {

const std::vector<Composition>& Compositions() {
  static const std::vector<Composition> all = [] {
    std::vector<Composition> joined = BlockingCompositions();
    for (auto family :
         {ScriptCompositions(), FunctionCompositions(), WaitCompositions(), KeyspaceCompositions(),
          JoinedCompositions(), DebugCompositions(), ConfigCompositions(), ConfigGetCompositions(),
          CrossSlotReads(), CrossSlotStreams(), CrossSlotStores(), CrossSlotMoves()}) {
      joined.insert(joined.end(), family.begin(), family.end());
    }
    return joined;
  }();
  return all;
}

}  // namespace slotway::proxy
