// SPDX-License-Identifier: Apache-2.0
// How long the kernel lets the calling thread run before it looks who else wants to.
//
// Where more threads want to run than there are cores, one that has used up its share waits for a
// slice of each of the others. One with short slices waits for less at a time and is interrupted
// more often: right while a crowd is served, a loss of some percent otherwise. Linux from 6.12 on;
// elsewhere nothing happens. Calling thread only.
#pragma once

namespace slotway::runtime {

enum class ThreadSlice { kUsual, kShort };

void SetThreadSlice(ThreadSlice slice);

}  // namespace slotway::runtime
