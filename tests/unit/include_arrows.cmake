add_test(NAME include_arrows
  COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/unit/include_arrows_test.py)
set_tests_properties(include_arrows PROPERTIES TIMEOUT 60)
