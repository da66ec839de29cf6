#pragma once

// Namespaces as an ordinary user may make them. Each ends the program where it cannot do its part.

#include <sys/types.h>

namespace runner::init {

/// Who we are in a user namespace of our own: the same numbers as outside.
struct Mapping {
  long uid = -1;  // -1: no user namespace is wanted
  long gid = -1;
};

/// A new user namespace, which gives the capabilities to make others.
void enter_new_user(const Mapping& mapping);

/// Joins the namespace and closes the descriptor.
void join_namespace(int fd, const char* what);

}  // namespace runner::init
