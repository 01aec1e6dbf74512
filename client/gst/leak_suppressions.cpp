// In builds with AddressSanitizer only: what its leak checker must not blame on us. GLib leaves old
// tables of names behind on purpose, since readers take no lock, and x265 does not free all it had.
// What goes through g_malloc cannot be told apart, so the clients' leaks are found where they are
// of C++.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libglib-2.0.so\nleak:libx265.so\n";
}
