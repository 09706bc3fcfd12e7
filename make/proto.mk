# SPDX-License-Identifier: Apache-2.0

.PHONY: proto-descriptors
## proto-descriptors: accept today's protos as the compatibility promise (rewrites proto/pintle_v1.binpb)
proto-descriptors:
	@$(call configure,release)
	@ninja -C build/release pintle_descriptors_refresh
