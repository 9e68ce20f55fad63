"""Maps: layers as plain data, drawn by folium for the screen."""
