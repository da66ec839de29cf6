// libgit2 1.5 forgets its match data where a repository has an extension that it does not know.

// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is LeakSanitizer's
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpcre2";
}
