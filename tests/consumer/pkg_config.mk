# A program that finds the installed library with pkg-config, as a user would write it:  make -f pkg_config.mk OUT=FILE
OUT = small
$(OUT): small.cpp
	$(CXX) small.cpp -o $@ $$(pkg-config --cflags --libs camo)
