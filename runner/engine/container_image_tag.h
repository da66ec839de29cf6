#pragma once

// The name that an image of ours has in a container engine: it derives from the content of what the
// image is made from, so that the next run finds it. Reads files: for the pool, not the loop
// thread.

#include <string>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace runner {

/// "pipe-build:<digest>" (over the Dockerfile and every byte of the context), "pipe-rootfs:…" (over
/// names, sizes, owners and times of change: the tree is too big to be read), "pipe-archive:…".
/// REQUIRES: the image is one of these three kinds. An Error names the file that cannot be read.
dsl::Result<std::string> image_tag(const dsl::Image& image);

}  // namespace runner
