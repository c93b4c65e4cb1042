-- In which language somebody is understood and answered wherever their voice is recognised; NULL is the satellite's.
ALTER TABLE voices ADD COLUMN language TEXT;
